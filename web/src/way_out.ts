// What to offer where there is nothing to see, or nothing to compare with. Pure.

import type { Answer, Ask, Snapshot } from "./contract.ts";
import type { Comparison } from "./link.ts";

const LONGEST = 3650 * 86_400;
/** The question moves on this often: a log that is read fills up meanwhile. */
const EVERY = 60;

/** The question for all that is known; its answer says from when until when. */
export function allAsk(now: number): Ask {
  const until = Math.ceil(now / EVERY) * EVERY;
  return {
    seconds: Math.min(LONGEST, until),
    until,
    measures: ["hits", "first_seen", "last_seen"],
  };
}

export interface Known {
  hits: number;
  first: number;
  last: number;
}

/** Which requests are known at all; `null` if there are none, or that is not known yet. */
export function knownIn(answer: Answer | null): Known | null {
  const { hits, first_seen: first, last_seen: last } = answer?.total ?? {};
  return answer && !answer.error && hits && typeof first === "number" && typeof last === "number"
    ? { hits, first, last: Math.floor(last) }
    : null;
}

/** When the logs' last request was, as far as was looked without reading them. */
export function lastLogged({ health }: Snapshot): number | null {
  const ends = health.sources
    .map((one) => one.last_record)
    .filter((one): one is number => typeof one === "number");
  return ends.length ? Math.max(...ends) : null;
}

/** From when on requests are known; `null`: unknown, or from before the spans on. */
export function startOfKnown(total: Answer | null, before: Answer | null): number | null {
  if (before && before.known > 0) return before.covers_since;
  return total && total.known > 0 ? total.covers_since : null;
}

/** The longest shorter window that has another one before it, in the seconds that are known. */
export function comparableWindow(
  compare: Comparison,
  known: number,
  windows: number[],
  current: number,
): number | null {
  if (compare !== "before") return null;
  return [...windows].reverse().find((one) => one <= known / 2 && one < current) ?? null;
}
