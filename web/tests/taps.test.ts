import { expect, it } from "vitest";

import { Taps } from "../src/charts/pointer.ts";

it("a click of a mouse goes there at once, a finger's only on the second tap", () => {
  const taps = new Taps();
  const tip = document.createElement("div");
  tip.hidden = true;
  expect(taps.target(100)).toBe(100);
  taps.touch(tip);
  expect(taps.target(100)).toBeNull();
  tip.hidden = false;
  // Another place: its values first.
  taps.touch(tip);
  expect(taps.target(200)).toBeNull();
  taps.touch(tip);
  expect(taps.target(210)).toBe(200);
  // The values are gone in between.
  taps.touch(tip);
  expect(taps.target(200)).toBeNull();
  tip.hidden = true;
  taps.touch(tip);
  expect(taps.target(200)).toBeNull();
  expect(taps.target(200)).toBe(200);
});
