// Axes of charts: which times and values are named, and how. Pure.

import { clock, dayName } from "../spans.ts";

/** Names times on an axis; the date stands where a day begins. */
export function timeLabels(splits: number[], every: number, utc: boolean): string[] {
  return splits.map((time, i) => {
    const hasDay = every >= 86_400;
    if (hasDay) return dayName(time, utc);
    const isMidnight = clock(time, utc, true) === "00:00:00";
    if (isMidnight && i > 0) return dayName(time, utc);
    return clock(time, utc, every < 60);
  });
}

/** Round distances between times on an axis, in seconds. */
export const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 604_800, 1_209_600, 2_592_000,
];

/** Round distances between response times on an axis: decimal. Between shares, too. */
export const DECIMAL_STEPS = Array.from({ length: 24 }, (_, i) => {
  const power = Math.floor(i / 3) - 4;
  return Number(`${[1, 2, 5][i % 3]}e${power}`);
}).concat([
  1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 1e10, 1e11, 1e12,
]);

/** The highest value of an axis that begins at zero: some room above the largest value, if any. */
export function niceTop(most: number, withoutAny: number): number {
  return most > 0 ? most * 1.08 : withoutAny;
}
