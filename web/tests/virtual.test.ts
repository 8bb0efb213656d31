import { describe, expect, it } from "vitest";

import { isOutgrown, rangeAt } from "../src/components/virtual.tsx";

describe("a long list", () => {
  it("draws what is on the screen and a little more", () => {
    expect(rangeAt(0, 500, 29)).toEqual({ from: 0, until: 24 });
    expect(rangeAt(2900, 500, 29)).toEqual({ from: 94, until: 124 });
  });

  it("draws other rows before an empty one is seen, not at each pixel", () => {
    const drawn = rangeAt(2900, 500, 29);
    expect(isOutgrown(drawn, rangeAt(2905, 500, 29))).toBe(false);
    expect(isOutgrown(drawn, rangeAt(2900 + 4 * 29, 500, 29))).toBe(true);
    expect(isOutgrown(drawn, rangeAt(2900 - 4 * 29, 500, 29))).toBe(true);
    // A window that became small has no use for the rows of a large one.
    expect(isOutgrown({ from: 0, until: 80 }, rangeAt(0, 500, 29))).toBe(true);
  });
});
