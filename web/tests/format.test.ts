import { describe, expect, it } from "vitest";

import {
  changeOf,
  counted,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatRoundDuration,
  formatSeconds,
  formatShare,
  formatUnit,
  shortCount,
} from "../src/format.ts";

describe("numbers", () => {
  it.each([
    [formatCount(1284), "1,284"],
    [formatCount(0), "0"],
    [shortCount(999), "999"],
    [shortCount(1234), "1.2 k"],
    [shortCount(999_949), "999.9 k"],
    [shortCount(999_950), "1.0 M"],
    [shortCount(17_300_000), "17.3 M"],
    [formatBytes(12), "12 B"],
    [formatBytes(91_100), "91.1 kB"],
    [formatBytes(5_800_000), "5.8 MB"],
    [formatRate(0), "0"],
    [formatRate(0.00001), "<0.0001"],
    [formatRate(0.0023), "0.0023"],
    [formatRate(9.5), "9.5"],
    [formatRate(225.84), "225.8"],
    [formatRate(1234.5), "1,235"],
    [formatShare(0), "0 %"],
    [formatShare(0.0004), "<0.1 %"],
    [formatShare(0.021), "2.1 %"],
    [formatShare(0.5), "50 %"],
    [formatShare(0.9999), ">99.9 %"],
    [formatShare(1), "100 %"],
    [formatSeconds(0.00123), "1.23 ms"],
    [formatSeconds(0.0421), "42.1 ms"],
    [formatSeconds(1.5), "1.5 s"],
    [formatSeconds(185), "3 min 05 s"],
    [formatDuration(5), "5 s"],
    [formatDuration(5.25), "5.3 s"],
    [formatDuration(42), "42 s"],
    [formatDuration(7620), "2 h 07 min"],
    [formatDuration(273_600), "3 d 04 h"],
    [formatRoundDuration(60), "1 min"],
    [formatRoundDuration(300), "5 min"],
    [formatRoundDuration(2_592_000), "30 d"],
    [formatRoundDuration(90), "1 min 30 s"],
    [counted(1, "request"), "1 request"],
    [counted(1234, "request"), "1,234 requests"],
    [formatUnit("rate", 12.5), "12.5/s"],
    [formatUnit("bytes_rate", 1600), "1.6 kB/s"],
  ])("are written as in the console: %s", (written, expected) => {
    expect(written).toBe(expected);
  });

  it("are a dash where they are unknown, and never zero", () => {
    for (const format of [
      formatCount,
      shortCount,
      formatBytes,
      formatRate,
      formatShare,
      formatSeconds,
      formatDuration,
    ]) {
      for (const nothing of [null, undefined, NaN, Infinity]) expect(format(nothing)).toBe("–");
    }
  });
});

describe("changes", () => {
  it.each([
    [112, 100, "up", "12 %", false],
    [97, 100, "down", "3 %", false],
    [100.2, 100, "same", "=", false],
    [5, 0, "new", "new", false],
    [300, 100, "up", "200 %", true],
    [40, 100, "down", "60 %", true],
    [1400, 100, "up", "14x", true],
    [5_000_000, 100, "up", ">999x", true],
  ])("from %d against %d", (now, before, direction, text, isBig) => {
    expect(changeOf(now, before)).toEqual({ direction, text, isBig });
  });

  it("are unknown where one of the numbers is", () => {
    expect(changeOf(5, null)).toBeNull();
    expect(changeOf(null, 5)).toBeNull();
    expect(changeOf(0, 0)).toBeNull();
  });
});
