import { describe, expect, it } from "vitest";

import { Taps } from "../src/charts/pointer.ts";

const tip = (hidden: boolean) => ({ hidden, classList: { add: () => {} } }) as unknown as HTMLElement;

function tappedAt(x: number): Taps {
  const taps = new Taps();
  taps.touch(tip(true));
  taps.target(x);
  return taps;
}

describe("where a click on a chart leads to", () => {
  it("is where a mouse is", () => {
    expect(new Taps().target(50)).toBe(50);
  });

  it("is nowhere for the first tap of a finger, and for the second where the first one was", () => {
    const taps = new Taps();
    taps.touch(tip(true));
    expect(taps.target(50)).toBeNull();
    taps.touch(tip(false));
    expect(taps.target(56)).toBe(50);
    taps.touch(tip(false));
    expect(taps.target(50)).toBeNull();
  });

  it("is nowhere for a second tap elsewhere", () => {
    const taps = tappedAt(50);
    taps.touch(tip(false));
    expect(taps.target(90)).toBeNull();
    taps.touch(tip(false));
    expect(taps.target(90)).toBe(90);
  });

  it("is nowhere when the values are no longer shown", () => {
    const taps = tappedAt(50);
    taps.touch(tip(true));
    expect(taps.target(50)).toBeNull();
  });
});
