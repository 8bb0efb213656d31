// How components ask: `useAsk` keeps a question asked as long as the component is on the screen.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { answerTo, idOf, want } from "./answers.ts";
import { answerRows } from "./rows.ts";
import type { Answer, Ask } from "./contract.ts";

export { answerRows };

export interface Asked {
  answer: Answer | null;
  /** Whether the answer is one to the question before: shown dimmed until the new one comes. */
  isOld: boolean;
}

/**
 * Asks a question; `null`: nothing. The last answer stays until the next one is there.
 *
 * `isSeen`: whether the answer is kept fresh. What is off the screen is asked for once.
 */
export function useAsk(ask: Ask | null, rank = 5, isSeen = true): Asked {
  const id = ask === null ? null : idOf(ask);
  const last = useRef<Answer | null>(null);
  const isSettled = useSettled(id);
  const isWanted = isSeen || (isSettled && id !== null && answerTo(id).value === null);
  useEffect(() => (id === null || !isWanted ? undefined : want(id, rank)), [id, rank, isWanted]);
  const current = id === null ? null : answerTo(id).value;
  useLayoutEffect(() => {
    if (current) last.current = current;
  }, [current]);
  if (id === null) return { answer: null, isOld: false };
  return current ? { answer: current, isOld: false } : { answer: last.current, isOld: true };
}

/** What is shown beside each other, and of what question. */
export interface Together<T extends Asked> {
  key: string;
  asked: T[];
}

/** In seconds: where the parts of a set never meet in one instant, it is not kept for longer. */
const PATIENCE = 30;

/** The instant that an answer is about, of one to a time before: the one that it is compared with. */
function instantOf({ id, until }: Answer): number {
  return until + ((JSON.parse(id) as Ask).shift ?? 0);
}

/**
 * Answers of one instant: the set before stays until all of the next one are there.
 *
 * The server asks all questions of a page in rounds, each about one instant, but its answers arrive
 * one after the other: numbers of two moments beside each other do not add up.
 */
export function together<T extends Asked>(
  kept: Together<T> | null,
  asked: T[],
  key: string,
): Together<T> | null {
  const before = kept?.key === key ? kept : null;
  const answers = asked.flatMap(({ answer, isOld }) => (answer && !isOld ? [answer] : []));
  if (answers.length < asked.length) return before;
  const instants = answers.map(instantOf);
  const first = Math.min(...instants);
  if (first === Math.max(...instants)) return { key, asked };
  const shown = before?.asked[0]?.answer;
  return shown && first - instantOf(shown) > PATIENCE ? { key, asked } : before;
}

export function useTogether<T extends Asked>(asked: T[], key: string): T[] | null {
  const kept = useRef<Together<T> | null>(null);
  const found = together(kept.current, asked, key);
  useLayoutEffect(() => {
    kept.current = found;
  });
  return found?.asked ?? null;
}

const SETTLED_MS = 1200;

/** Whether something has been the same for a while: first comes what is on the screen. */
function useSettled(id: string | null): boolean {
  const [settled, setSettled] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(id), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [id]);
  return settled === id;
}

/** Whether an element is near the screen: what nobody can see is not asked for. */
export function useOnScreen<T extends Element>(): [{ current: T | null }, boolean] {
  const element = useRef<T>(null);
  const seen = useSignal(false);
  useEffect(() => {
    const node = element.current;
    if (!node) return;
    const observer = new IntersectionObserver(
      (entries) => {
        seen.value = entries.some((entry) => entry.isIntersecting);
      },
      { rootMargin: "300px 0px" },
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return [element, seen.value];
}

/** The width of an element, in whole pixels; 0 before it is laid out. */
export function useWidth<T extends HTMLElement>(): [{ current: T | null }, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return;
    setWidth(Math.floor(node.clientWidth));
    const observer = new ResizeObserver((entries) => {
      const entry = entries[entries.length - 1];
      if (entry) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const follow = () => setHolds(media.matches);
    follow();
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, [query]);
  return holds;
}

/** A moment that ticks once a second, for ages and durations; in seconds. */
export function useTick(isOn = true): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
}

/** Focuses a field when it appears, unless somebody types elsewhere by now. */
export function focusOnce(node: HTMLElement | null): void {
  if (node && document.activeElement?.tagName !== "INPUT") node.focus();
}
