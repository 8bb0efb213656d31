// Moving in time: windows, back and forth, live, paused.

import { go, link, newest, seconds, hello, tell } from "./store.ts";

const WINDOWS = [
  10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 259_200, 604_800, 2_592_000,
];

export function windows(): number[] {
  return hello.value?.windows ?? WINDOWS;
}

export function setWindow(next: number | null): void {
  go({ window: next });
}

export function stepWindow(by: 1 | -1, isCycling = false): void {
  const all = windows();
  const now = seconds.value;
  const longer = all.find((one) => one > now);
  const shorter = [...all].reverse().find((one) => one < now);
  const next = by > 0 ? (longer ?? (isCycling ? all[0] : undefined)) : shorter;
  if (next !== undefined) setWindow(next);
}

export function earlier(): void {
  go({ until: (link.value.until ?? Math.floor(newest.value)) - seconds.value, paused: false });
}

export function later(): void {
  const { until } = link.value;
  if (until === null) return;
  const next = until + seconds.value;
  if (next >= newest.value) live();
  else go({ until: next, paused: false });
}

export function live(): void {
  go({ until: null, paused: false });
}

/** Stops at what is on the screen; the server counts on. */
export function togglePause(): void {
  const { paused, until } = link.value;
  if (paused || until !== null) {
    live();
    tell("Live");
  } else {
    go({ until: Math.floor(newest.value), paused: true }, "replace");
    tell("Paused; counting continues");
  }
}
