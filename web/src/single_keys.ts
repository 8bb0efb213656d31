// Whether single letters, digits and signs are commands; remembered in this browser.
//
// Who speaks to a computer, or has a cat, can switch them off (WCAG 2.1.4, Character Key Shortcuts).

import { effect, signal } from "@preact/signals";

const KEY = "glancemetrics-keys";

export const hasSingleKeys = signal(remembered());

// Hints of keys that do nothing are not shown.
effect(() => {
  document.documentElement.classList.toggle("no-single-keys", !hasSingleKeys.value);
});

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true; // Storage may be switched off.
  }
}

export function setSingleKeys(isOn: boolean): void {
  hasSingleKeys.value = isOn;
  try {
    localStorage.setItem(KEY, isOn ? "on" : "off");
  } catch {
    // Then it lasts until the page is closed.
  }
}

/** Whether a key is one character, alone or with Shift; `C-k`, `Enter` and `End` are not. */
export function isSingle(key: string): boolean {
  return [...key].length === 1;
}

/** A tooltip with its key: `Pause (p)`; without it where the key does nothing. */
export function withKey(text: string, key: string): string {
  return hasSingleKeys.value || !isSingle(key) ? `${text} (${key})` : text;
}
