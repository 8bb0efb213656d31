// All that can be done on the page: its name, its words, its keys. Help and palette are made from it.

import { focusFilter } from "./components/filter_box.tsx";
import { COMPARISONS, VIEWS } from "./link.ts";
import { offeredViews, VIEW_TITLES } from "./components/shell.tsx";
import { widen } from "./narrowing.ts";
import { closeOverlay, openOverlay, overlay, shownRequest } from "./overlays.ts";
import { go, goToView, link } from "./store.ts";
import { saveReport } from "./report.ts";
import { currentCard, currentTable, focusTable } from "./tables.ts";
import { hasSingleKeys, isSingle, setSingleKeys } from "./single_keys.ts";
import { nextTheme, setTheme } from "./theme.ts";
import {
  earlier,
  later,
  live,
  setWindow,
  stepWindow,
  togglePause,
  windows,
} from "./time_travel.ts";
import { formatRoundDuration } from "./format.ts";
import { acknowledgeChosen, silenceChosen } from "./views/alerts.tsx";

export interface Action {
  name: string;
  about: string;
  /** As `KeyboardEvent.key` names them; `C-` before one: with Ctrl or Cmd. */
  keys: string[];
  group: "Views" | "Tables" | "Narrowing" | "Time" | "Alerts" | "Page";
  run: () => void;
  /** Works only where a row or a table has the focus; else the browser keeps the key. */
  inTables?: boolean;
  /** Only in the palette. */
  isHidden?: boolean;
}

function turnView(by: number): void {
  const views = offeredViews();
  const at = views.indexOf(link.value.view);
  goToView(views[(at + by + views.length) % views.length] ?? "overview");
}

function zoom(): void {
  const card = link.value.zoom ? null : currentCard();
  go({ zoom: card });
}

function leave(): void {
  if (overlay.value) closeOverlay();
  else if (shownRequest.value) shownRequest.value = null;
  else if (link.value.zoom) go({ zoom: null });
  else (document.activeElement as HTMLElement | null)?.blur();
}

function nextComparison(): void {
  const at = COMPARISONS.indexOf(link.value.compare);
  go({ compare: COMPARISONS[(at + 1) % COMPARISONS.length] ?? "none" });
}

export const ACTIONS: Action[] = [
  ...VIEWS.map(
    (view, i): Action => ({
      name: `show-${view}`,
      about: `Show ${VIEW_TITLES[view]}`,
      keys: [String(i + 1)],
      group: "Views",
      run: () => goToView(view),
    }),
  ),
  { name: "next-view", about: "Next view", keys: ["}"], group: "Views", run: () => turnView(1) },
  {
    name: "previous-view",
    about: "Previous view",
    keys: ["{"],
    group: "Views",
    run: () => turnView(-1),
  },
  {
    name: "down",
    about: "Next row",
    keys: ["ArrowDown", "j"],
    group: "Tables",
    inTables: true,
    run: () => currentTable()?.move(1),
  },
  {
    name: "up",
    about: "Previous row",
    keys: ["ArrowUp", "k"],
    group: "Tables",
    inTables: true,
    run: () => currentTable()?.move(-1),
  },
  {
    name: "page-down",
    about: "Ten rows down",
    keys: ["PageDown"],
    group: "Tables",
    inTables: true,
    run: () => currentTable()?.move(10),
  },
  {
    name: "page-up",
    about: "Ten rows up",
    keys: ["PageUp"],
    group: "Tables",
    inTables: true,
    run: () => currentTable()?.move(-10),
  },
  {
    name: "first",
    about: "First row",
    keys: ["Home", "g"],
    group: "Tables",
    inTables: true,
    run: () => currentTable()?.toEnd("first"),
  },
  {
    name: "last",
    about: "Last row",
    keys: ["G"],
    group: "Tables",
    run: () => currentTable()?.toEnd("last"),
  },
  {
    name: "next-table",
    about: "Next table",
    keys: ["n", "l", "ArrowRight"],
    group: "Tables",
    run: () => focusTable(1),
  },
  {
    name: "previous-table",
    about: "Previous table",
    keys: ["N", "h", "ArrowLeft"],
    group: "Tables",
    run: () => focusTable(-1),
  },
  {
    name: "find",
    about: "Find in the table",
    keys: ["/"],
    group: "Tables",
    run: () => currentTable()?.find(),
  },
  {
    name: "sort",
    about: "Sort by the next column",
    keys: ["s", ">"],
    group: "Tables",
    run: () => currentTable()?.sort(1),
  },
  {
    name: "sort-back",
    about: "Sort by the previous column",
    keys: ["<"],
    group: "Tables",
    run: () => currentTable()?.sort(-1),
  },
  {
    name: "reverse",
    about: "Reverse the order",
    keys: ["r"],
    group: "Tables",
    run: () => currentTable()?.reverse(),
  },
  {
    name: "zoom",
    about: "Show only this card, or all again",
    keys: ["z"],
    group: "Tables",
    run: zoom,
  },
  {
    name: "copy",
    about: "Copy the row",
    keys: ["y"],
    group: "Tables",
    run: () => currentTable()?.copy(),
  },
  {
    name: "open",
    about: "Open: narrow everything to the row",
    keys: ["Enter"],
    group: "Narrowing",
    inTables: true,
    run: () => currentTable()?.open(),
  },
  {
    name: "exclude",
    about: "Exclude the row",
    keys: ["x"],
    group: "Narrowing",
    run: () => currentTable()?.exclude(),
  },
  {
    name: "back",
    about: "Undo the last narrowing",
    keys: ["Backspace"],
    group: "Narrowing",
    run: widen,
  },
  { name: "filter", about: "Filter requests", keys: ["f"], group: "Narrowing", run: focusFilter },
  {
    name: "show-all",
    about: "Show all requests",
    keys: ["F"],
    group: "Narrowing",
    run: () => go({ filters: [] }),
  },
  { name: "leave", about: "Close what is open", keys: ["Escape"], group: "Narrowing", run: leave },
  {
    name: "window",
    about: "Next window",
    keys: ["w"],
    group: "Time",
    run: () => stepWindow(1, true),
  },
  {
    name: "longer",
    about: "Longer window",
    keys: ["+", "="],
    group: "Time",
    run: () => stepWindow(1),
  },
  {
    name: "shorter",
    about: "Shorter window",
    keys: ["-"],
    group: "Time",
    run: () => stepWindow(-1),
  },
  {
    name: "time",
    about: "Go to a time",
    keys: ["t"],
    group: "Time",
    run: () => openOverlay({ kind: "time", anchor: null }),
  },
  { name: "earlier", about: "A window back", keys: ["["], group: "Time", run: earlier },
  { name: "later", about: "A window forward", keys: ["]"], group: "Time", run: later },
  { name: "live", about: "Live again", keys: ["End"], group: "Time", run: live },
  {
    name: "pause",
    about: "Pause; counting continues",
    keys: ["p"],
    group: "Time",
    run: togglePause,
  },
  {
    name: "compare",
    about: "Compare with an earlier time",
    keys: ["c"],
    group: "Time",
    run: nextComparison,
  },
  {
    name: "acknowledge",
    about: "Acknowledge the incident; elsewhere, show Alerts",
    keys: ["a"],
    group: "Alerts",
    run: acknowledgeChosen,
  },
  {
    name: "silence",
    about: "Silence the rule; elsewhere, show Alerts",
    keys: ["m"],
    group: "Alerts",
    run: silenceChosen,
  },
  {
    name: "report",
    about: "Save an HTML report of what is shown",
    keys: ["e"],
    group: "Page",
    run: () => void saveReport(),
  },
  {
    name: "commands",
    about: "All commands",
    keys: [":", "C-k"],
    group: "Page",
    run: () => openOverlay({ kind: "palette" }),
  },
  {
    name: "help",
    about: "Help",
    keys: ["?"],
    group: "Page",
    run: () => openOverlay({ kind: "help" }),
  },
  {
    name: "theme",
    about: "Next theme",
    keys: ["T"],
    group: "Page",
    run: () => setTheme(nextTheme()),
  },
  {
    name: "utc",
    about: "Times in UTC, or in your time zone",
    keys: ["U"],
    group: "Page",
    run: () => go({ utc: !link.value.utc }, "replace"),
  },
  {
    name: "kiosk",
    about: "Wall screen: larger, without controls",
    keys: ["K"],
    group: "Page",
    run: () => go({ kiosk: !link.value.kiosk }),
  },
];

/** What only the palette has: each window, each theme, each comparison, a setting. */
export function moreCommands(): Action[] {
  return [
    ...windows().map(
      (seconds): Action => ({
        name: `window-${seconds}`,
        about: `Window: last ${formatRoundDuration(seconds)}`,
        keys: [],
        group: "Time",
        run: () => setWindow(seconds),
      }),
    ),
    ...COMPARISONS.map(
      (one): Action => ({
        name: `compare-${one}`,
        about: {
          none: "Compare: no line",
          before: "Compare with the span before",
          day: "Compare with a day before",
          week: "Compare with a week before",
        }[one],
        keys: [],
        group: "Time",
        run: () => go({ compare: one }),
      }),
    ),
    {
      name: "single-keys",
      about: hasSingleKeys.value ? "Switch single keys off" : "Switch single keys on",
      keys: [],
      group: "Page",
      run: () => setSingleKeys(!hasSingleKeys.value),
    },
    ...(["light", "dark", "auto"] as const).map(
      (one): Action => ({
        name: `theme-${one}`,
        about: `Theme: ${one}`,
        keys: [],
        group: "Page",
        run: () => setTheme(one),
      }),
    ),
  ];
}

const NAMES: Record<string, string> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  PageDown: "PgDn",
  PageUp: "PgUp",
  Escape: "Esc",
};

export function keyShown(key: string): string {
  if (key.startsWith("C-")) return `Ctrl-${key.slice(2).toUpperCase()}`;
  return NAMES[key] ?? key;
}

/** Whether a key belongs to what has the focus, rather than to the page. */
function isTyping(target: Element | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function actionFor(event: KeyboardEvent): Action | null {
  const withControl = event.ctrlKey || event.metaKey;
  const key = withControl ? `C-${event.key.toLowerCase()}` : event.key;
  const action = ACTIONS.find((one) => one.keys.includes(key));
  if (!action || event.altKey) return null;
  if (isSingle(key) && !hasSingleKeys.value) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (isTyping(target) && !(withControl && key === "C-k")) return null;
  if (overlay.value && action.name !== "leave") return null;
  // A wall screen has no controls, and keys that somebody leans on do nothing, except to leave it.
  if (
    link.value.kiosk &&
    !["kiosk", "theme", "leave"].includes(action.name) &&
    action.group !== "Views"
  )
    return null;
  const isOnControl = target !== null && target.matches("button, a, summary, [role=menuitem]");
  if (key === "Enter" && (isOnControl || !target?.closest("tr"))) return null;
  if (key.startsWith("Arrow") || key === "Home" || key.startsWith("Page")) {
    // Outside of tables arrows scroll the page, as everywhere.
    if (!target?.closest("tbody, [data-table='alerts/list']")) return null;
  }
  return action;
}

export function listenForKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const action = actionFor(event);
    if (!action) return;
    event.preventDefault();
    action.run();
  });
}
