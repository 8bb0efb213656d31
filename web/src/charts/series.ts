// The numbers of charts: aligned columns, rates, stacks, shares. Pure.

import type { Answer } from "../contract.ts";

export type Values = (number | null)[];

export interface Columns {
  /** The first second of each column. */
  x: number[];
  step: number;
  since: number;
  until: number;
  /** From when on something is known: rates divide by known seconds. */
  knownSince: number;
  unread: [number, number][];
  values: Record<string, Values>;
}

/** More columns than any screen has pixels: an answer cannot make the page fill memory. */
const MOST_COLUMNS = 10_000;

/** Returns the columns of an answer, with columns of unknown values where a row is missing. */
export function columnsOf(answer: Answer | null, asked: number): Columns | null {
  const times = answer?.columns?.time;
  if (!answer || !times?.length || asked <= 0) return null;
  // Of a time long ago, only longer steps may be known than were asked for.
  const step = Math.max(asked, answer.grain || 0);
  const at = new Map<number, number>();
  times.forEach((time, row) => {
    if (typeof time === "number") at.set(time, row);
  });
  const known = [...at.keys()].sort((one, other) => one - other);
  const first = known[0];
  const last = known[known.length - 1];
  if (first === undefined || last === undefined) return null;
  const x: number[] = [];
  // What is not known of the span is a part of the chart, too.
  let from = first;
  while (from - step > answer.since - step && x.length < MOST_COLUMNS) {
    from -= step;
    x.unshift(from);
  }
  for (const time of known) {
    const before = x[x.length - 1] ?? time;
    for (let gap = before + step; gap < time && x.length < MOST_COLUMNS; gap += step) x.push(gap);
    x.push(time);
  }
  for (let time = last + step; time < answer.until && x.length < MOST_COLUMNS; time += step)
    x.push(time);
  const values: Record<string, Values> = {};
  for (const [name, column] of Object.entries(answer.columns)) {
    if (name === "time") continue;
    values[name] = x.map((time) => {
      const row = at.get(time);
      const value = row === undefined ? null : column[row];
      return typeof value === "number" ? value : null;
    });
  }
  const knownSince = Math.max(answer.since, answer.covers_since ?? answer.since);
  return { x, step, since: answer.since, until: answer.until, knownSince, unread: answer.unread, values };
}

/** The spans of columns that nothing is known of, from their first second to their last. */
export function unknownSpans(
  { x, step }: { x: number[]; step: number },
  series: Values[],
): [number, number][] {
  const found: [number, number][] = [];
  x.forEach((time, i) => {
    if (!series.length || series.some((one) => typeof one[i] === "number")) return;
    const last = found[found.length - 1];
    if (last && last[1] >= time) last[1] = time + step;
    else found.push([time, time + step]);
  });
  return found;
}

/** How many seconds of each column are known: the first and the last of the span may be cut. */
export function lengthsOf({ x, step, knownSince, until, unread }: Columns): number[] {
  return x.map((time) => {
    const [since, end] = [Math.max(time, knownSince), Math.min(time + step, until)];
    const lost = unread.map(([from, to]) => Math.max(0, Math.min(to, end) - Math.max(from, since)));
    return Math.max(1, end - since - lost.reduce((sum, one) => sum + one, 0));
  });
}

/** Counts as values per second. */
export function perSecond(columns: Columns, name: string): Values {
  const lengths = lengthsOf(columns);
  return (columns.values[name] ?? columns.x.map(() => null)).map((value, i) =>
    value === null ? null : value / (lengths[i] ?? 1),
  );
}

/**
 * Without the last column where less than `least` of it is over: a line would seem to fall.
 * Where nothing is known before it, it stays: it is all there is.
 */
export function whole(columns: Columns, values: Values, least = 0.5): Values {
  const last = values.length - 1;
  const isCut = (lengthsOf(columns)[last] ?? 0) < least * columns.step;
  return isCut && typeof values[last - 1] === "number" ? [...values.slice(0, last), null] : values;
}

/** The sum of several series; unknown where all of them are. */
export function summed(series: Values[]): Values {
  return (series[0] ?? []).map((_, i) => {
    const known = series.map((one) => one[i]).filter((value) => typeof value === "number");
    return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
  });
}

/** One series divided by another; unknown where there is nothing to divide by. */
export function divided(parts: Values, wholes: Values): Values {
  return parts.map((part, i) => {
    const whole = wholes[i];
    return part === null || !whole ? null : part / whole;
  });
}

/** Stacks series, the first at the bottom: each is the sum of itself and those below. */
export function stacked(series: Values[]): Values[] {
  let below: Values = (series[0] ?? []).map(() => null);
  return series.map((one) => {
    below = one.map((value, i) => {
      const base = below[i] ?? null;
      return value === null && base === null ? null : (value ?? 0) + (base ?? 0);
    });
    return below;
  });
}

/** Moves a series of another time over the columns of this one, by their distance to the start. */
export function laidOver(columns: Columns, other: Columns, values: Values, shift: number): Values {
  const found = new Map(other.x.map((time, i) => [time + shift, values[i] ?? null]));
  // A shift that is not a multiple of the step falls between two columns: the nearest one counts.
  return columns.x.map((time) => {
    const exact = found.get(time);
    if (exact !== undefined) return exact;
    for (const [at, value] of found) if (Math.abs(at - time) <= columns.step / 2) return value;
    return null;
  });
}

export function largest(values: Values): number {
  return values.reduce<number>((most, value) => (value !== null && value > most ? value : most), 0);
}

export function average(values: Values): number | null {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/** Turns numbers of requests under rising bounds into the numbers between them. */
export function between(under: Values[], all: Values): Values[] {
  const rows = [...under, all];
  return rows.map((row, i) =>
    row.map((value, column) => {
      const lower = i ? (rows[i - 1]?.[column] ?? null) : 0;
      return value === null || lower === null ? null : Math.max(0, value - lower);
    }),
  );
}
