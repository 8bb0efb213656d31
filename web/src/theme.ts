// Light, dark, or as the system has it; remembered in this browser.

import { computed, effect, signal } from "@preact/signals";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "glancemetrics-theme";
const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(darkSystem.matches);
darkSystem.addEventListener("change", () => {
  systemIsDark.value = darkSystem.matches;
});

export const theme = signal<Theme>(remembered());
export const isDark = computed(() =>
  theme.value === "auto" ? systemIsDark.value : theme.value === "dark",
);

// What is chosen, or what the system has: styles read only this attribute.
effect(() => {
  document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
});

function remembered(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return THEMES.find((name) => name === found) ?? "auto";
  } catch {
    return "auto"; // Storage may be switched off.
  }
}

export function setTheme(next: Theme): void {
  theme.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Then it lasts until the page is closed.
  }
}

/** The one after this: from the system's to the other one, so that a change can be seen at once. */
export function nextTheme(): Theme {
  const [same, other]: [Theme, Theme] = systemIsDark.value ? ["dark", "light"] : ["light", "dark"];
  const all: Theme[] = ["auto", other, same];
  return all[(all.indexOf(theme.value) + 1) % all.length] ?? "auto";
}

/** The color, or another value, that a custom property has now: for canvases. */
export function styleValue(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
