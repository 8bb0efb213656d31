// What the page shows, as its own link says it: view, window, time, filters, comparison. Pure.
//
// The query string carries everything, so that a link can be sent, a reload changes nothing and the
// browser's back button undoes one step.

import type { Filter } from "./contract.ts";
import { parseSpan, writtenSpan } from "./spans.ts";

export const VIEWS = [
  "overview",
  "urls",
  "errors",
  "clients",
  "latency",
  "alerts",
  "requests",
  "health",
  "servers",
] as const;
export type ViewName = (typeof VIEWS)[number];

export const COMPARISONS = ["none", "before", "day", "week"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** How a table is sorted, where that is not as at the start. */
export interface Sort {
  table: string;
  measure: string;
  ascending: boolean;
}

export interface Link {
  view: ViewName;
  /** Seconds; `null`: what the server shows by default. */
  window: number | null;
  /** The end of the span; `null`: live. */
  until: number | null;
  /** Stopped by a person, who looks at what was on the screen. */
  paused: boolean;
  filters: Filter[];
  compare: Comparison;
  /** The key of the only card that is shown. */
  zoom: string | null;
  sorts: Sort[];
  /** The rule or the incident that is chosen in Alerts. */
  chosen: string | null;
  kiosk: boolean;
  utc: boolean;
}

export const START: Link = {
  view: "overview",
  window: null,
  until: null,
  paused: false,
  filters: [],
  compare: "none",
  zoom: null,
  sorts: [],
  chosen: null,
  kiosk: false,
  utc: false,
};

const LONGEST_WINDOW = 400 * 86_400;
const MOST_FILTERS = 20;
const MOST_SORTS = 20;
const SORT = /^([\w/.-]{1,99}):(\w{1,39})(:up)?$/;
const FIELD = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Reads a query string; what it cannot read is left as it is by default. */
export function parseLink(search: string): Link {
  const query = new URLSearchParams(search);
  const view = query.get("view");
  const seconds = parseSpan(query.get("window") ?? "");
  const until = Number(query.get("until") ?? NaN);
  const compare = query.get("compare");
  const filters: Filter[] = [];
  for (const [key, text] of query) {
    if (filters.length >= MOST_FILTERS) break;
    if (key === "is" || key === "not") {
      const at = text.indexOf(":");
      const field = text.slice(0, at);
      if (at < 1 || !FIELD.test(field)) continue;
      const value = text.slice(at + 1);
      filters.push(key === "not" ? { field, value, not: true } : { field, value });
    } else if (key === "where" && text.trim()) {
      filters.push({ where: text });
    } else if (key === "words" && text.trim()) {
      // What a person typed, after the condition that was made of it.
      const last = filters[filters.length - 1];
      if (last && "where" in last) last.label = text;
    }
  }
  const sorts: Sort[] = query.getAll("sort").flatMap((text) => {
    const [, table = "", measure = "", up] = SORT.exec(text) ?? [];
    return table ? [{ table, measure, ascending: up !== undefined }] : [];
  });
  const hasUntil = Number.isSafeInteger(until) && until > 0;
  return {
    view: VIEWS.find((name) => name === view) ?? START.view,
    window: seconds !== null && seconds <= LONGEST_WINDOW ? seconds : null,
    until: hasUntil ? until : null,
    paused: hasUntil && isOn(query, "paused"),
    filters,
    compare: COMPARISONS.find((name) => name === compare) ?? START.compare,
    zoom: query.get("zoom") || null,
    sorts: sorts.slice(0, MOST_SORTS),
    chosen: query.get("chosen") || null,
    kiosk: isOn(query, "kiosk"),
    utc: isOn(query, "utc"),
  };
}

const KEYS = "view window until paused is not where words compare zoom sort chosen kiosk utc".split(
  " ",
);
/** What people write by hand for a part of the link. */
const MEANT: Record<string, string> = {
  ...Object.fromEntries(
    "span last range seconds timewindow".split(" ").map((one) => [one, "window"]),
  ),
  ...Object.fromEntries("filter q query search condition".split(" ").map((one) => [one, "where"])),
  ...Object.fromEntries("time at to end".split(" ").map((one) => [one, "until"])),
  ...Object.fromEntries("page tab show".split(" ").map((one) => [one, "view"])),
};
const MOST_PROBLEMS = 4;
const LONGEST_SHOWN = 40;

/** What of a query string means nothing, and what to write instead: a sentence each. */
export function linkProblems(search: string, link: Link): string[] {
  const query = new URLSearchParams(search);
  const found: string[] = [];
  const shown = (text: string) =>
    text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  const wrong = (key: string, should: string) =>
    found.push(`${key}=${shown(query.get(key) ?? "")}: ${should}`);
  if (query.has("view") && query.get("view") !== link.view)
    wrong("view", `must be one of ${VIEWS.join(", ")}`);
  if (query.has("window") && link.window === null)
    wrong("window", "must be a time such as 5m, 1h30m or 7d, at most 400d");
  if (query.has("until") && link.until === null)
    wrong("until", "must be whole seconds since 1970; choose a time with “Go to a time”");
  if (query.has("compare") && query.get("compare") !== link.compare)
    wrong("compare", `must be one of ${COMPARISONS.join(", ")}`);
  const badSort = query.getAll("sort").find((text) => !SORT.test(text));
  if (badSort !== undefined)
    found.push(`sort=${shown(badSort)}: must be a table and a column, such as urls/path:p95`);
  for (const key of ["is", "not"]) {
    const bad = query
      .getAll(key)
      .find((text) => !FIELD.test(text.split(":", 1)[0] ?? "") || !text.includes(":"));
    if (bad !== undefined)
      found.push(`${key}=${shown(bad)}: must be a field and a value, such as ${key}=path:/login`);
  }
  const filters =
    query.getAll("is").length + query.getAll("not").length + query.getAll("where").length;
  if (filters > MOST_FILTERS) found.push(`${filters} filters: the first ${MOST_FILTERS} are used`);
  for (const key of new Set(query.keys())) {
    if (KEYS.includes(key)) continue;
    const meant = MEANT[key.toLowerCase()] ?? KEYS.find((one) => one === key.toLowerCase());
    found.push(
      `${shown(key)}: ${meant ? `did you mean ${meant}=${shown(query.get(key) ?? "")}?` : `unknown; a link has ${KEYS.join(", ")}`}`,
    );
  }
  return found.slice(0, MOST_PROBLEMS);
}

function isOn(query: URLSearchParams, key: string): boolean {
  const value = query.get(key);
  return value !== null && value !== "0" && value !== "false";
}

/** Writes the query string of a link: only what differs from the start; empty for the start. */
export function writeLink(link: Link): string {
  const parts: string[] = [];
  const put = (key: string, value: string) =>
    parts.push(value === "" ? key : `${key}=${encoded(value)}`);
  if (link.view !== START.view) put("view", link.view);
  if (link.window !== null) put("window", writtenSpan(link.window));
  if (link.until !== null) put("until", String(link.until));
  if (link.until !== null && link.paused) put("paused", "");
  for (const filter of link.filters) {
    if ("where" in filter) {
      put("where", filter.where);
      if (filter.label !== undefined && filter.label.trim()) put("words", filter.label);
    } else put(filter.not ? "not" : "is", `${filter.field}:${filter.value}`);
  }
  if (link.compare !== START.compare) put("compare", link.compare);
  if (link.zoom) put("zoom", link.zoom);
  for (const { table, measure, ascending } of link.sorts)
    put("sort", `${table}:${measure}${ascending ? ":up" : ""}`);
  if (link.chosen) put("chosen", link.chosen);
  if (link.kiosk) put("kiosk", "");
  if (link.utc) put("utc", "");
  return parts.length ? `?${parts.join("&")}` : "";
}

/** Encodes a value, but leaves what people read in links: `/` and `:`. */
function encoded(value: string): string {
  // Lone surrogates cannot be in a link; they become the replacement character.
  return encodeURIComponent(value.replace(/[\ud800-\udfff]/gu, "\ufffd"))
    .replaceAll("%2F", "/")
    .replaceAll("%3A", ":")
    .replaceAll("%20", "+");
}

/** Sorts a table; `null`: as at the start. */
export function sortedBy(link: Link, table: string, sort: Omit<Sort, "table"> | null): Sort[] {
  const others = link.sorts.filter((one) => one.table !== table);
  return sort ? [...others.slice(1 - MOST_SORTS), { table, ...sort }] : others;
}

export function sameFilter(one: Filter, other: Filter): boolean {
  if ("where" in one || "where" in other) {
    return "where" in one && "where" in other && one.where === other.where;
  }
  return one.field === other.field && one.value === other.value && !one.not === !other.not;
}

/** Narrows to a filter; its opposite goes, and the same one is not there twice. */
export function withFilter(link: Link, filter: Filter): Link {
  const others = link.filters.filter((one) => {
    if ("where" in one || "where" in filter) return !sameFilter(one, filter);
    return one.field !== filter.field || one.value !== filter.value;
  });
  return { ...link, filters: [...others, filter] };
}

export function withoutFilter(link: Link, filter: Filter): Link {
  return { ...link, filters: link.filters.filter((one) => !sameFilter(one, filter)) };
}

/** The filters as an ask has them. */
export function askedFilters(filters: Filter[]): object[] {
  return filters.map((filter) => {
    if ("where" in filter) return { where: filter.where };
    const { field, value } = filter;
    return filter.not ? { field, value, not: true } : { field, value };
  });
}

/** How a filter is written for people. */
export function filterText(filter: Filter): string {
  if ("where" in filter) return filter.label ?? filter.where;
  return `${filter.field} ${filter.not ? "≠" : "="} ${filter.value === "" ? "(empty)" : filter.value}`;
}
