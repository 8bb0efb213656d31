// One request as people read it. Pure.

import { formatBytes, formatCount, formatSeconds } from "./format.ts";
import type { Row } from "./rows.ts";
import { fullTime } from "./spans.ts";

/** The target of a request, as it was logged: path and query. */
export function targetOf(record: Row): string {
  if (record.path === null || record.path === undefined) return String(record.request ?? "–");
  const query = record.query;
  return `${String(record.path)}${query === null || query === undefined || query === "" ? "" : `?${String(query)}`}`;
}

/** Method and target, for copying. */
export function requestText(record: Row): string {
  return record.path === null || record.path === undefined
    ? targetOf(record)
    : `${String(record.method ?? "–")} ${targetOf(record)}`;
}

/** Epoch seconds of a record's time, which may also be text. */
export function timeOf(record: Row): number | null {
  const { time } = record;
  if (typeof time === "number") return time;
  if (typeof time !== "string") return null;
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? null : parsed / 1000;
}

/** Whether the requests are of several servers, so that each has to say which. */
export function haveServers(records: Row[]): boolean {
  return new Set(records.map((one) => one.server)).size > 1;
}

/** How many of the requests, newest first, are of a span that begins so; undated ones are. */
export function countSince(records: Row[], since: number): number {
  const first = records.findIndex((one) => (timeOf(one) ?? since) < since);
  return first < 0 ? records.length : first;
}

/** What a file of the requests of a span has: all of them, or the newest, and how to get the rest. */
export function fileText(hits: number, most: number, span: string, page: string): string {
  if (hits <= most) return `Download as CSV: all ${formatCount(hits)} requests, ${span}`;
  return `Download as CSV: the newest ${formatCount(most)} of ${formatCount(hits)} requests. For all: glancemetrics query --records --limit ${hits} --at ${page}`;
}

/** A key for a row: requests have none of their own, and some are equal. */
export function keysOf(records: Row[]): string[] {
  const seen = new Map<string, number>();
  // From the oldest on, so that an equal newer one does not take the key of an older.
  return [...records]
    .reverse()
    .map((record) => {
      const base = `${record.time} ${record.host} ${record.method} ${record.path} ${record.query} ${record.status} ${record.bytes} ${record.duration} ${record.source}`;
      const count = (seen.get(base) ?? 0) + 1;
      seen.set(base, count);
      return count === 1 ? base : `${base}#${count}`;
    })
    .reverse();
}

const ORDER = [
  "time",
  "status",
  "method",
  "path",
  "query",
  "host",
  "user",
  "bytes",
  "duration",
  "vhost",
  "referrer",
  "agent",
  "protocol",
  "server",
  "source",
];

/** The fields of a request that have a value, in a useful order. */
export function fieldsOf(record: Row, utc: boolean): { name: string; text: string; raw: string }[] {
  const names = [...ORDER, ...Object.keys(record).filter((name) => !ORDER.includes(name))];
  return names
    .filter((name) => record[name] !== null && record[name] !== undefined)
    .map((name) => ({ name, text: fieldText(name, record, utc), raw: String(record[name]) }));
}

function fieldText(name: string, record: Row, utc: boolean): string {
  const value = record[name];
  if (name === "time") {
    const time = timeOf(record);
    return time === null ? String(value) : `${fullTime(time, utc)}${fraction(time)}`;
  }
  if (name === "bytes" && typeof value === "number")
    return value < 1000 ? formatBytes(value) : `${formatBytes(value)} (${formatCount(value)} B)`;
  if (name.endsWith("duration") && typeof value === "number") return formatSeconds(value);
  return String(value);
}

function fraction(time: number): string {
  const text = (time % 1).toFixed(3).slice(1);
  return text === ".000" ? "" : text;
}

/** Fields of a request that tables can be narrowed by. */
export const NARROWING = new Set([
  "path",
  "host",
  "user",
  "status",
  "method",
  "protocol",
  "referrer",
  "agent",
  "vhost",
  "server",
  "source",
]);
