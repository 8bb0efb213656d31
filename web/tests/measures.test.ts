import { describe, expect, it } from "vitest";

import { aboutText, cellText, columnOf, countText } from "../src/measures.ts";

const row = { path: "/cart", hits: 30_000, "5xx": 9000, "4xx": 0, bytes: 12 };

describe("a column of errors", () => {
  const column = columnOf("5xx");

  it("shows a share, and the number that it is sorted by", () => {
    expect(cellText(column, row, 0, true)).toBe("30 %");
    expect(countText(column, row)).toBe("9,000");
    expect(countText(column, { ...row, "5xx": 1_234_567 })).toBe("1.2 M");
    expect(aboutText(column, true)).toContain("sorted by their number");
    expect(aboutText(column, false)).toContain("sorts by their number");
  });

  it("shows a dash alone where nothing failed", () => {
    expect(cellText(columnOf("4xx"), row, 0, true)).toBe("–");
    expect(countText(columnOf("4xx"), row)).toBe("");
  });
});

it("has no second number in a column that is one already", () => {
  expect(countText(columnOf("hits"), row)).toBe("");
  expect(aboutText(columnOf("hits"), true)).toBe("Number of requests");
});
