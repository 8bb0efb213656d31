import { describe, expect, it } from "vitest";

import { clockNear, parseSpan, parseTime, parseTimes, writtenSpan } from "../src/spans.ts";

const NOW = Date.UTC(2026, 10, 27, 14, 5, 9) / 1000;

describe("spans", () => {
  it.each([
    ["90s", 90],
    ["5 min", 300],
    ["1h30m", 5400],
    ["7d", 604_800],
    ["2 hours", 7200],
    ["1 h 30 min", 5400],
    ["30 days", 2_592_000],
  ])("%s is %d seconds", (text, seconds) => {
    expect(parseSpan(text)).toBe(seconds);
  });

  it.each(["", "0s", "x", "5", "5 parsecs", "-5m"])("%j is none", (text) => {
    expect(parseSpan(text)).toBeNull();
  });

  it("are written so that they can be read", () => {
    for (const seconds of [1, 10, 90, 300, 5400, 86_400, 2_592_000, 99_999])
      expect(parseSpan(writtenSpan(seconds))).toBe(seconds);
  });
});

describe("times", () => {
  const at = (day: number, hour: number, minute: number, second = 0) =>
    Date.UTC(2026, 10, day, hour, minute, second) / 1000;

  it.each([
    ["14:00", at(27, 14, 0)],
    ["23:50", at(26, 23, 50)],
    ["yesterday 9:30", at(26, 9, 30)],
    ["today 9:30", at(27, 9, 30)],
    ["2026-11-20 08:15:30", at(20, 8, 15, 30)],
    ["2026-11-20T08:15Z", at(20, 8, 15)],
    ["2026-11-20", at(20, 0, 0)],
    ["2024-02-29", Date.UTC(2024, 1, 29) / 1000],
    ["20m ago", NOW - 1200],
    ["now", NOW],
    [String(NOW), NOW],
  ])("%s", (text, seconds) => {
    expect(parseTime(text, NOW, true)).toBe(seconds);
  });

  it.each(["", "noon", "25:00x", "14:75", "ago", "2026-02-31", "2026-11-31 10:00", "2026-11-00"])(
    "%j is none",
    (text) => {
      expect(parseTime(text, NOW, true)).toBeNull();
    },
  );

  it.each([
    ["13:34 to 13:49", at(27, 13, 34), at(27, 13, 49)],
    ["from 13:34 to 13:49:30", at(27, 13, 34), at(27, 13, 49, 30)],
    ["yesterday 15:00 to 16:00", at(26, 15, 0), at(26, 16, 0)],
    ["yesterday 15:00–today 1:00", at(26, 15, 0), at(27, 1, 0)],
    ["yesterday 23:50 until 00:10", at(26, 23, 50), at(27, 0, 10)],
    ["2026-11-20 08:15 - 09:15", at(20, 8, 15), at(20, 9, 15)],
    ["2026-11-20 to 2026-11-21", at(20, 0, 0), at(21, 0, 0)],
    ["2h ago to 1h ago", NOW - 7200, NOW - 3600],
    ["20m ago to now", NOW - 1200, NOW],
  ])("%s is a span", (text, since, until) => {
    expect(parseTimes(text, NOW, true)).toEqual([since, until]);
  });

  it.each(["14:00", "14:00 to", "to 14:00", "noon to 14:00", "2026-11-20 10:00", "now to 20m ago"])(
    "%j is no span",
    (text) => {
      expect(parseTimes(text, NOW, true)).toBeNull();
    },
  );

  it("have their date where it is not today's", () => {
    expect(clockNear(at(27, 1, 2, 3), NOW, true)).toBe("01:02:03");
    expect(clockNear(at(26, 1, 2, 3), NOW, true)).toBe("Nov 26 01:02:03");
    expect(clockNear(at(26, 1, 2, 3) - 400 * 86_400, NOW, true)).toBe("2025-10-22 01:02:03");
  });
});
