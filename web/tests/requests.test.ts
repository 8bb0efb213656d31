import { expect, it } from "vitest";

import { countSince } from "../src/requests.ts";

it("tells which requests are of the span that the figures are of", () => {
  const records = [{ time: 300 }, { time: 290.5 }, { time: null }, { time: 199.9 }, { time: 100 }];
  expect(countSince(records, 200)).toBe(3);
  expect(countSince(records, 50)).toBe(5);
  expect(countSince(records, 400)).toBe(0);
  expect(countSince([], 400)).toBe(0);
});
