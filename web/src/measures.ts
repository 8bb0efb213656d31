// The columns of tables: their titles, and how their values are written. Pure.

import {
  formatBytes,
  formatCount,
  formatRate,
  formatSeconds,
  formatShare,
  shortCount,
  UNKNOWN,
} from "./format.ts";
import { numberIn, type Row } from "./rows.ts";
import { clockNear } from "./spans.ts";
import { visible } from "./text.ts";

export interface Column {
  measure: string;
  title: string;
  /** What it means, for a tooltip. */
  about: string;
  /** Shown as a share of the row's requests. */
  isShare?: boolean;
  isTimed?: boolean;
  /** Left out where there is little room, the highest first. */
  rank: number;
}

const COLUMNS: Record<string, Column> = Object.fromEntries(
  (
    [
      { measure: "hits", title: "Requests", about: "Number of requests", rank: 0 },
      {
        measure: "5xx",
        title: "5xx",
        about: "Share of server errors (5xx)",
        isShare: true,
        rank: 1,
      },
      {
        measure: "4xx",
        title: "4xx",
        about: "Share of client errors (4xx)",
        isShare: true,
        rank: 2,
      },
      {
        measure: "p50",
        title: "p50",
        about: "Half of the responses were faster",
        isTimed: true,
        rank: 5,
      },
      {
        measure: "p95",
        title: "p95",
        about: "95 % of the responses were faster",
        isTimed: true,
        rank: 3,
      },
      {
        measure: "p99",
        title: "p99",
        about: "99 % of the responses were faster",
        isTimed: true,
        rank: 6,
      },
      {
        measure: "total_time",
        title: "Total time",
        about: "Sum of all response times",
        isTimed: true,
        rank: 1,
      },
      { measure: "visitors", title: "Visitors", about: "Different client addresses", rank: 5 },
      { measure: "bytes", title: "Bytes", about: "Bytes sent", rank: 4 },
      { measure: "last_seen", title: "Last", about: "Time of the last request", rank: 4 },
      { measure: "state", title: "State", about: "What its agent is doing now", rank: 1 },
      { measure: "rate", title: "Req/s", about: "Requests per second", rank: 1 },
      { measure: "lag", title: "Lag", about: "Bytes in its logs that are not sent", rank: 3 },
      { measure: "clock", title: "Clock", about: "How far its clock is ahead", rank: 3 },
      { measure: "version", title: "Version", about: "Version of its agent", rank: 5 },
      { measure: "files", title: "Logs", about: "Number of its logs", rank: 6 },
      { measure: "machine", title: "Host", about: "Name of its machine", rank: 6 },
    ] satisfies Column[]
  ).map((column) => [column.measure, column]),
);

export function columnOf(measure: string): Column {
  return COLUMNS[measure] ?? { measure, title: measure, about: measure, rank: 9 };
}

/** Writes a value of a row; `now` is for times. */
export function cellText(column: Column, row: Row, now: number, utc: boolean): string {
  const text = row[`${column.measure}_text`];
  if (typeof text === "string") return visible(text);
  const value = numberIn(row, column.measure);
  if (value === null) return UNKNOWN;
  if (column.measure === "rate") return formatRate(value);
  if (column.isShare) {
    const hits = numberIn(row, "hits");
    return !value || !hits ? UNKNOWN : formatShare(value / hits);
  }
  if (column.isTimed) return formatSeconds(value);
  if (/bytes|lag/.test(column.measure)) return formatBytes(value);
  if (column.measure.endsWith("_seen")) return clockNear(value, now, utc);
  return formatCount(value);
}

const MOST_DIGITS = 100_000;

/**
 * The number behind a share, in the column that the table is sorted by; empty elsewhere.
 *
 * Tables are sorted by the number of errors, as in the console: by share, one request that failed
 * of one would stand above 9,000 of 30,000. What it is sorted by is shown.
 */
export function countText(column: Column, row: Row): string {
  const value = column.isShare ? numberIn(row, column.measure) : null;
  if (!value) return "";
  return value < MOST_DIGITS ? formatCount(value) : shortCount(value);
}

/** What the head of a column says about it. */
export function aboutText(column: Column, isSorted: boolean): string {
  return column.isShare
    ? `${column.about}; ${isSorted ? "sorted by their number" : "sorts by their number"}`
    : column.about;
}

export type Tone = "" | "dim" | "noticed" | "bad";

/** How bad a share of errors looks: yellow from 5 %, red from 20 %; clients' mistakes are common. */
export function shareTone(measure: string, share: number | null): Tone {
  if (share === null || share < 0.01) return "dim";
  if (share >= (measure === "4xx" ? 0.5 : 0.2)) return "bad";
  return share >= 0.05 ? "noticed" : "";
}

export function cellTone(column: Column, row: Row): Tone {
  const tone = row[`${column.measure}_tone`];
  if (typeof tone === "string") return tone as Tone;
  const value = numberIn(row, column.measure);
  if (value === null) return "dim";
  if (!column.isShare) return "";
  const hits = numberIn(row, "hits");
  return shareTone(column.measure, hits ? value / hits : null);
}
