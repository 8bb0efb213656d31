// Questions and their answers: which ones the screen needs right now, and the newest answer to each.

import { signal, type Signal } from "@preact/signals";

import type { Answer, Ask } from "./contract.ts";

export const MOST_ASKS = 24;
/** Of them, so many are the same all the time, and kept fresh; others take turns where there are more. */
const MOST_STEADY = 16;
const TURN_MS = 4000;
/** Answers to questions that nobody asks any more, kept so that "back" shows something at once. */
const MOST_KEPT = 80;

interface Wanted {
  ask: Ask;
  users: number;
  /** Lower is more important, where there are more than the server takes. */
  rank: number;
}

const wanted = new Map<string, Wanted>();
const answers = new Map<string, Signal<Answer | null>>();
/** How many answers to each question came since it was wanted. */
const arrivals = new Map<string, number>();
let send: (asks: Record<string, Ask>) => void = () => {};
let isScheduled = false;
let turn: ReturnType<typeof setTimeout> | undefined;

/** Returns a question in its one way of writing: equal questions have equal ids. */
export function idOf(ask: Ask): string {
  const written: Partial<Ask> = { seconds: ask.seconds };
  if (ask.until != null) written.until = ask.until;
  if (ask.shift) written.shift = ask.shift;
  if (ask.filters?.length) written.filters = ask.filters;
  if (ask.by?.length) written.by = ask.by;
  if (ask.measures?.length) written.measures = ask.measures;
  if (ask.order) written.order = ask.order;
  if (ask.ascending) written.ascending = true;
  if (ask.limit != null) written.limit = ask.limit;
  if (ask.step != null) written.step = ask.step;
  if (ask.records) written.records = true;
  if (ask.offset) written.offset = ask.offset;
  return JSON.stringify(written);
}

export function answerTo(id: string): Signal<Answer | null> {
  let found = answers.get(id);
  if (!found) {
    found = signal<Answer | null>(null);
    answers.set(id, found);
    forgetOld();
  }
  return found;
}

export function keepAnswer(answer: Answer): void {
  answerTo(answer.id).value = answer;
  if (wanted.has(answer.id)) arrivals.set(answer.id, (arrivals.get(answer.id) ?? 0) + 1);
}

/** Asks for something until the returned function is called. */
export function want(id: string, rank: number): () => void {
  const known = wanted.get(id);
  if (known) {
    known.users += 1;
    known.rank = Math.min(known.rank, rank);
  } else {
    wanted.set(id, { ask: JSON.parse(id) as Ask, users: 1, rank });
    schedule();
  }
  return () => {
    const entry = wanted.get(id);
    if (!entry) return;
    entry.users -= 1;
    if (!entry.users) {
      wanted.delete(id);
      arrivals.delete(id);
      schedule();
    }
  };
}

/** Says how the set of questions is sent. */
export function sendAsksBy(sender: (asks: Record<string, Ask>) => void): void {
  send = sender;
  schedule();
}

/** Forgets all answers: the server was restarted. Those on the screen stay until new ones come. */
export function showAgain(): void {
  for (const id of answers.keys()) if (!wanted.has(id)) answers.delete(id);
  schedule();
}

/**
 * The set to send: at most as many as the server takes, the most important ones always.
 *
 * On a large screen with a comparison there are more: those that were answered least are next.
 */
export function wantedAsks(): Record<string, Ask> {
  const entries = [...wanted.entries()].sort(([, one], [, other]) => one.rank - other.rank);
  const others = entries.splice(entries.length > MOST_ASKS ? MOST_STEADY : MOST_ASKS);
  const count = ([id]: [string, Wanted]) => arrivals.get(id) ?? 0;
  others.sort((one, other) => count(one) - count(other));
  const found = [...entries, ...others.slice(0, MOST_ASKS - entries.length)];
  return Object.fromEntries(found.map(([id, { ask }]) => [id, ask]));
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  // After all components of this change have said what they need: one message, not ten.
  setTimeout(() => {
    isScheduled = false;
    send(wantedAsks());
    clearTimeout(turn);
    if (wanted.size > MOST_ASKS) turn = setTimeout(schedule, TURN_MS);
  }, 10);
}

function forgetOld(): void {
  if (answers.size <= MOST_KEPT + wanted.size) return;
  for (const id of answers.keys()) {
    if (!wanted.has(id)) {
      answers.delete(id);
      return;
    }
  }
}
