// All that the page knows, as signals: its link, the server's hello, the newest snapshot, answers.

import { batch, computed, signal } from "@preact/signals";

import type { AlertEvent, Hello, Message, Snapshot } from "./contract.ts";
import { keepAnswer, showAgain } from "./answers.ts";
import { linkProblems, parseLink, writeLink, type Link, type ViewName } from "./link.ts";
import type { Connection } from "./live.ts";
import { localTimes } from "./sentences.ts";

export const link = signal<Link>(parseLink(location.search));
export const hello = signal<Hello | null>(null);
export const snapshot = signal<Snapshot | null>(null);
export const connection = signal<Connection>("connecting");
/** When the last message came, by this browser's clock, in ms. */
export const heardAt = signal(0);
/** Announced politely by screen readers. */
export const announced = signal("");
/** A short message at the foot of the page, such as "copied". */
export const told = signal<{ text: string; isBad: boolean; at: number } | null>(null);
/** Whether nothing has come from the server although there was time enough. */
export const isUnreached = signal(false);
/** Why there is no connection, as a sentence; empty: not known. */
export const whyNotConnected = signal("");
/** What is wrong with the filters of the link, by the server; said once, not in every card. */
export const filterError = signal("");
/** Whether the server ended and said so. */
export const goneBecause = signal("");

const LEAST_DEFAULT = 300;

/** The window in seconds: what the link says, else the server's, but not so short that it flickers. */
export const seconds = computed(() => {
  const chosen = link.value.window;
  if (chosen !== null) return chosen;
  return Math.max(LEAST_DEFAULT, snapshot.value?.window.seconds ?? 0);
});
export const isWholeLog = computed(
  () => link.value.window === null && snapshot.value?.window.as === "whole log",
);
export const isLive = computed(() => link.value.until === null);
/** The end of what is shown, in the log's time. */
export const endTime = computed(() => link.value.until ?? snapshot.value?.now ?? 0);
/** The newest second there is, in the log's time. */
export const newest = computed(() => snapshot.value?.now ?? hello.value?.now ?? 0);
export const utc = computed(() => link.value.utc);
export const isAdmin = computed(() => hello.value?.admin ?? false);
export const isStale = computed(() => connection.value === "lost");

/** Goes somewhere: a new entry in the browser's history, unless only looks have changed. */
export function go(change: Partial<Link>, how: "push" | "replace" = "push"): void {
  const next = { ...link.value, ...change };
  const search = writeLink(next);
  if (search === writeLink(link.value)) {
    link.value = next;
    return;
  }
  const url = `${location.pathname}${search}`;
  if (how === "push") history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  link.value = next;
}

export function goToView(view: ViewName): void {
  go({ view, zoom: null, chosen: null });
  scrollTo({ top: 0 });
}

/** What of the link that was opened means nothing: a sentence each. */
export const misread = signal<string[]>([]);

export function followHistory(): void {
  readProblems();
  addEventListener("popstate", () => {
    link.value = parseLink(location.search);
    readProblems();
  });
}

function readProblems(): void {
  misread.value = linkProblems(location.search, link.value);
  // What the link says and what is shown are the same, so that it can be passed on.
  if (misread.value.length)
    history.replaceState(null, "", `${location.pathname}${writeLink(link.value)}`);
}

export function tell(text: string, isBad = false): void {
  told.value = { text, isBad, at: performance.now() };
}

const queue: Message[] = [];
let frame = 0;

/** Takes a message; those that come before the next frame are shown together, large ones alone. */
export function receive(message: Message): void {
  queue.push(message);
  if (frame) return;
  // A hidden page has no frames.
  frame = document.hidden ? Number(setTimeout(applyQueue, 50)) : requestAnimationFrame(applyQueue);
}

/** An answer with so many rows takes a frame of its own: a frame has 16 ms for all that is drawn. */
const MANY_ROWS = 60;

function isLarge(message: Message): boolean {
  if (message.type !== "answer") return false;
  return (Object.values(message.columns ?? {})[0]?.length ?? 0) > MANY_ROWS;
}

/** How many of the waiting messages are shown in the next frame. */
export function partOf(messages: Message[]): number {
  const large = messages.findIndex(isLarge);
  return large < 0 ? messages.length : Math.max(1, large);
}

function applyQueue(): void {
  frame = 0;
  // A hidden page draws nothing.
  const messages = queue.splice(0, document.hidden ? queue.length : partOf(queue));
  if (queue.length) frame = requestAnimationFrame(applyQueue);
  batch(() => {
    heardAt.value = Date.now();
    for (const message of messages) apply(message);
  });
}

function apply(message: Message): void {
  switch (message.type) {
    case "hello": {
      const before = hello.value;
      hello.value = message;
      goneBecause.value = "";
      isUnreached.value = false;
      whyNotConnected.value = "";
      // Another process may know less, or more: nothing of before is shown as its own.
      if (before && before.server !== message.server) showAgain();
      break;
    }
    case "snapshot":
      snapshot.value = message;
      break;
    case "answer":
      keepAnswer(message);
      break;
    case "alert":
      announce(message);
      break;
    case "gone":
      goneBecause.value = message.why;
      break;
  }
}

function announce({ event }: AlertEvent): void {
  const words: Record<string, string> = {
    triggered: "Alert",
    recovered: "Recovered",
    flapping: "Flapping",
  };
  const word = words[event.event];
  if (!word || !event.message) return;
  // The sentence of the audit log is long; that of the screen is there if the incident is.
  const incident = snapshot.value?.alerts.firing.find((one) => one.incident === event.incident);
  const text = (event.event === "triggered" && incident?.headline) || event.message;
  announced.value = `${word}: ${localTimes(text, newest.value, utc.value)}`;
}
