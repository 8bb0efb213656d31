// Durations and times as people type them, and times as the page writes them.

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads `90s`, `5 min`, `1h30m`, `7d`; `null` for anything else. */
export function parseSpan(text: string): number | null {
  const short = text
    .trim()
    .toLowerCase()
    .replace(
      /(\d)\s*(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)(?![a-z])\s*/g,
      (_, digit: string, unit: string) => digit + unit.charAt(0),
    );
  if (!/^(?:\d{1,9}[smhdw])+$/.test(short)) return null;
  let seconds = 0;
  for (const [, count, unit] of short.matchAll(/(\d+)([smhdw])/g)) {
    seconds += Number(count) * (SECONDS[unit ?? ""] ?? 0);
  }
  return seconds || null;
}

/** Writes a duration so that `parseSpan` reads it: `1h30m`. */
export function writtenSpan(seconds: number): string {
  let rest = Math.round(seconds);
  let text = "";
  for (const unit of ["d", "h", "m", "s"]) {
    const size = SECONDS[unit] ?? 1;
    if (rest >= size) text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text || "0s";
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function partsOf(seconds: number, utc: boolean): Parts {
  const date = new Date(seconds * 1000);
  return utc
    ? {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth(),
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
      }
    : {
        year: date.getFullYear(),
        month: date.getMonth(),
        day: date.getDate(),
        hour: date.getHours(),
        minute: date.getMinutes(),
        second: date.getSeconds(),
      };
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const two = (value: number) => String(value).padStart(2, "0");

/** `14:05:09`, or `14:05`. */
export function clock(seconds: number, utc: boolean, withSeconds = true): string {
  const at = partsOf(seconds, utc);
  return `${two(at.hour)}:${two(at.minute)}${withSeconds ? `:${two(at.second)}` : ""}`;
}

/** `Nov 27`. */
export function dayName(seconds: number, utc: boolean): string {
  const at = partsOf(seconds, utc);
  return `${MONTHS[at.month]} ${at.day}`;
}

/** The clock, with the date if it is of another day than `now`, and the year if of another year. */
export function clockNear(seconds: number, now: number, utc: boolean, withSeconds = true): string {
  const at = partsOf(seconds, utc);
  const today = partsOf(now, utc);
  const time = clock(seconds, utc, withSeconds);
  if (at.year !== today.year) return `${at.year}-${two(at.month + 1)}-${two(at.day)} ${time}`;
  if (at.month !== today.month || at.day !== today.day) return `${dayName(seconds, utc)} ${time}`;
  return time;
}

/** `2026-11-27 14:05:09`. */
export function fullTime(seconds: number, utc: boolean): string {
  const at = partsOf(seconds, utc);
  return `${at.year}-${two(at.month + 1)}-${two(at.day)} ${clock(seconds, utc)}`;
}

/** The name of the zone that times are in: `UTC`, `UTC+2`. */
export function zoneName(seconds: number, utc: boolean): string {
  if (utc) return "UTC";
  const minutes = -new Date(seconds * 1000).getTimezoneOffset();
  if (!minutes) return "UTC";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${two(rest)}` : ""}`;
}

/** Reads a time as people type it: `14:05`, `yesterday 9:30`, `2026-11-27 14:05:09`, `20m ago`. */
export function parseTime(text: string, now: number, utc: boolean): number | null {
  const typed = text.trim().toLowerCase();
  if (typed === "now") return Math.floor(now);
  const ago = /^(.+?)\s+ago$/.exec(typed) ?? /^-\s*(.+)$/.exec(typed);
  if (ago) {
    const seconds = parseSpan(ago[1] ?? "");
    return seconds === null ? null : Math.floor(now - seconds);
  }
  if (/^\d{9,11}$/.test(typed)) return Number(typed);
  const found =
    /^(?:(?<date>\d{4}-\d{1,2}-\d{1,2})|(?<word>today|yesterday))?(?:[t\s]*(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2}))?)?\s*(?<zone>z|utc)?$/.exec(
      typed,
    );
  const groups = found?.groups;
  if (!groups || (!groups.date && !groups.word && groups.hour === undefined)) return null;
  const isUtc = utc || groups.zone !== undefined;
  const today = partsOf(now, isUtc);
  let { year, month, day } = today;
  if (groups.date) {
    const [y = 0, m = 1, d = 1] = groups.date.split("-").map(Number);
    [year, month, day] = [y, m - 1, d];
  } else if (groups.word === "yesterday") {
    day -= 1;
  }
  const [hour, minute, second] = [groups.hour, groups.minute, groups.second].map((part) =>
    Number(part ?? 0),
  ) as [number, number, number];
  if (hour > 24 || minute > 59 || second > 59 || month > 11 || day > 31) return null;
  const at = isUtc
    ? Date.UTC(year, month, day, hour, minute, second) / 1000
    : new Date(year, month, day, hour, minute, second).getTime() / 1000;
  if (!Number.isFinite(at)) return null;
  // A calendar counts on: the 31st of February would be the 3rd of March.
  if (groups.date && new Date(Date.UTC(year, month, day)).getUTCDate() !== day) return null;
  // "23:50", typed just after midnight, is the last one, not one to come.
  const isBare = !groups.date && !groups.word;
  return isBare && at > now + 60 ? at - 86_400 : at;
}

/** Reads `19:34 to 19:49`, `from yesterday 15:00 to 16:00`: since, until; `null` for anything else. */
export function parseTimes(text: string, now: number, utc: boolean): [number, number] | null {
  const [, first = "", second = ""] =
    /^\s*(?:from\s+)?(.+?)\s*(?:\s(?:to|until|till|-)\s|[–—])\s*(.+)$/i.exec(text) ?? [];
  const since = first ? parseTime(first, now, utc) : null;
  if (since === null) return null;
  // A time without a day is of the day of the other one, or of the night after it.
  const isClock = /^\d{1,2}:\d{2}(?::\d{2})?$/.test(second.trim());
  const isUtc = utc || /(?:z|utc)$/i.test(first);
  const day = (from: number) => fullTime(from, isUtc).slice(0, 10);
  let until = isClock
    ? parseTime(`${day(since)} ${second}`, now, isUtc)
    : parseTime(second, now, utc);
  if (isClock && until !== null && until <= since)
    until = parseTime(`${day(since + 86_400)} ${second}`, now, isUtc);
  return until !== null && until > since ? [since, until] : null;
}
