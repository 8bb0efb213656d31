// Sentences of the server as the reader has time: their instants in the zone of the page, short. Pure.

import { clockNear } from "./spans.ts";

// Not within a path or another word: a value of a log stays as it is.
const INSTANT =
  /(?<![\w/=:."'-])(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?( ?UTC|Z|[+-]\d\d:\d\d)(?![\w/=-])/g;

/** `triggered at 07:06:21` for `triggered at 2026-11-27T07:06:21+00:00`. */
export function localTimes(text: string, now: number, utc: boolean): string {
  return text.replace(INSTANT, (written, day: string, time: string, zone: string) => {
    const at = Date.parse(`${day}T${time}${zone.trim() === "UTC" ? "Z" : zone}`) / 1000;
    return Number.isFinite(at) ? clockNear(at, now, utc) : written;
  });
}

const NO_DATA_BEFORE = "no data before ";
const READ_ALL = "If the log reaches further back, --from start reads all of it";

/** A tooltip for what is missing of a span: also the way out. */
export function missingHelp(text: string): string {
  return text.includes(NO_DATA_BEFORE) ? `${text}. ${READ_ALL}.` : text;
}

/** A file as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
