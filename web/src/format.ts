// Writes numbers for people, the same way as the console and the reports do.

export const UNKNOWN = "–";

type Maybe = number | null | undefined;

function isKnown(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

const COUNTS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const ONE_DECIMAL = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** `1,284` */
export function formatCount(count: Maybe): string {
  return isKnown(count) ? COUNTS.format(count) : UNKNOWN;
}

/** At most seven characters: `1.2 k`, `17.3 M`. */
export function shortCount(count: Maybe): string {
  if (!isKnown(count)) return UNKNOWN;
  return Math.abs(count) < 1000
    ? count.toFixed(0)
    : inThousands(count, ["k", "M", "G", "T", "P", "E"]);
}

/** Decimal units: `91.1 kB`. */
export function formatBytes(size: Maybe): string {
  if (!isKnown(size)) return UNKNOWN;
  return Math.abs(size) < 1000
    ? `${size.toFixed(0)} B`
    : inThousands(size, ["kB", "MB", "GB", "TB", "PB"]);
}

function inThousands(number: number, units: string[]): string {
  let power = 1;
  while (Math.abs(number) / 1000 ** power >= 999.95 && power < units.length) power += 1;
  return `${ONE_DECIMAL.format(number / 1000 ** power)} ${units[power - 1]}`;
}

/** Requests per second; of a quiet log two digits: `0.0023`, not `0`. */
export function formatRate(rate: Maybe): string {
  if (!isKnown(rate)) return UNKNOWN;
  if (rate > 0 && rate < 0.0001) return "<0.0001";
  if (rate > 0 && rate < 0.01) return String(Number(rate.toPrecision(2)));
  if (rate >= 1000) return COUNTS.format(rate);
  return trimmed(rate.toFixed(rate >= 10 ? 1 : 2));
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A small share is not 0 %, and not quite all is not 100 %. */
export function formatShare(share: Maybe): string {
  if (!isKnown(share)) return UNKNOWN;
  if (share > 0 && share < 0.001) return "<0.1 %";
  if (share > 0.999 && share < 1) return ">99.9 %";
  if (share === 0) return "0 %";
  return share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${(100 * share).toFixed(0)} %`;
}

/** A response time: `1.23 ms`, `42.1 ms`, `1.5 s`, `3 min 05 s`. */
export function formatSeconds(seconds: Maybe): string {
  if (!isKnown(seconds)) return UNKNOWN;
  if (seconds < 0.9995) return `${threeDigits(seconds * 1000)} ms`;
  return seconds < 59.95 ? `${threeDigits(seconds)} s` : formatDuration(seconds);
}

function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** `42 s`, `3 min 05 s`, `2 h 07 min`, `3 d 04 h`. */
export function formatDuration(seconds: Maybe): string {
  if (!isKnown(seconds)) return UNKNOWN;
  const whole = Math.round(seconds);
  for (const [size, unit, below, belowUnit] of [
    [86_400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"],
  ] as const) {
    if (whole >= size) {
      const rest = Math.floor((whole % size) / below);
      return `${Math.floor(whole / size)} ${unit} ${String(rest).padStart(2, "0")} ${belowUnit}`;
    }
  }
  return seconds < 10 ? `${trimmed(seconds.toFixed(1))} s` : `${whole} s`;
}

/** A duration that is often round: `1 min` for `1 min 00 s`. */
export function formatRoundDuration(seconds: Maybe): string {
  return formatDuration(seconds).replace(/ 00 (s|min|h)$/, "");
}

/** `1 request`, `1,234 requests`. */
export function counted(count: Maybe, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export interface Change {
  direction: "up" | "down" | "same" | "new";
  text: string;
  /** Half as much again, or half as much: worth a look. */
  isBig: boolean;
}

/** How much a number has changed: `12 %`, `14x`, `new`; `null` where that is unknown. */
export function changeOf(now: Maybe, before: Maybe): Change | null {
  if (!isKnown(now) || !isKnown(before)) return null;
  if (!before) return now ? { direction: "new", text: "new", isBig: false } : null;
  const change = now / before - 1;
  if (Math.abs(change) < 0.005) return { direction: "same", text: "=", isBig: false };
  let text = `${(100 * Math.abs(change)).toFixed(0)} %`;
  if (change > 9.99) {
    const times = now / before;
    text = times < 1000 ? `${times.toFixed(0)}x` : ">999x";
  }
  return { direction: change > 0 ? "up" : "down", text, isBig: Math.abs(change) >= 0.5 };
}

export type ValueUnit = "count" | "rate" | "share" | "bytes" | "bytes_rate" | "seconds" | "time";

/** Writes a value of a unit, as axes and tooltips need it. */
export function formatUnit(unit: ValueUnit, value: Maybe): string {
  switch (unit) {
    case "rate":
      return isKnown(value) ? `${formatRate(value)}/s` : UNKNOWN;
    case "share":
      return formatShare(value);
    case "bytes":
      return formatBytes(value);
    case "bytes_rate":
      return isKnown(value) ? `${formatBytes(value)}/s` : UNKNOWN;
    case "seconds":
      return formatSeconds(value);
    default:
      return isKnown(value) && value < 100_000 ? trimmed(COUNTS.format(value)) : shortCount(value);
  }
}
