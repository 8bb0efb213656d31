// Narrowing to values, excluding them, and undoing that.

import type { Filter } from "./contract.ts";
import { withFilter, withoutFilter } from "./link.ts";
import { go, link, tell } from "./store.ts";

export function narrowTo(field: string, value: string): void {
  add({ field, value });
}

export function exclude(field: string, value: string): void {
  add({ field, value, not: true });
}

export function add(filter: Filter): void {
  const next = withFilter(link.value, filter);
  if (next.filters.length > 20) {
    tell("20 filters is the limit", true);
    return;
  }
  go({ filters: next.filters });
}

export function remove(filter: Filter): void {
  go({ filters: withoutFilter(link.value, filter).filters });
}

/** Undoes the last narrowing; without one, leaves the only card that is shown. */
export function widen(): void {
  const { filters, zoom } = link.value;
  if (zoom) go({ zoom: null });
  else if (filters.length) go({ filters: filters.slice(0, -1) });
}

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied");
  } catch {
    tell("This browser does not allow copying here", true);
  }
}
