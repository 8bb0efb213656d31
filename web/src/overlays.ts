// What lies over the page: help, commands, forms. One at a time.

import { signal } from "@preact/signals";

export type Overlay =
  | { kind: "help" }
  | { kind: "palette" }
  | { kind: "time"; anchor: HTMLElement | null }
  | { kind: "silence"; rule: string; title: string; anchor: HTMLElement };

export const overlay = signal<Overlay | null>(null);
/** Where the focus was before, and goes back to. */
let cameFrom: Element | null = null;

export function openOverlay(next: Overlay): void {
  if (!overlay.value) cameFrom = document.activeElement;
  overlay.value = next;
}

export function closeOverlay(): void {
  overlay.value = null;
  if (cameFrom instanceof HTMLElement && cameFrom.isConnected) cameFrom.focus();
  cameFrom = null;
}

export function openSilence(rule: string, title: string, anchor: HTMLElement): void {
  openOverlay({ kind: "silence", rule, title, anchor });
}

/** The request whose details are shown beside the list. */
export const shownRequest = signal<Record<string, string | number | boolean | null> | null>(null);
