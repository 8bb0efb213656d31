// The questions that views ask. Pure: the span and the filters of the link, and what is wanted of it.

import type { Ask, Filter } from "./contract.ts";
import { askedFilters, type Comparison, type Link } from "./link.ts";

const STEPS = [
  1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600,
  43_200, 86_400, 172_800, 604_800,
];
/** A chart that follows the log shows at least so much: a few seconds would twitch. */
export const LEAST_CHART = 60;
export const CLASSES = ["2xx", "3xx", "1xx", "4xx", "5xx"] as const;
export const QUANTILES = ["p50", "p95", "p99"] as const;

/** The seconds of each column of a chart of a span with about so many columns. */
export function stepOf(span: number, columns: number): number {
  const least = span / Math.max(1, columns);
  return STEPS.find((step) => step >= least) ?? 604_800;
}

/** How many seconds the charts show: of a span in the past, exactly that. */
export function chartSeconds({ seconds, until }: Pick<Scope, "seconds" | "until">): number {
  return until === null ? Math.max(LEAST_CHART, seconds) : seconds;
}

export interface Scope {
  seconds: number;
  until: number | null;
  filters: Filter[];
}

export function scopeOf(link: Link, seconds: number): Scope {
  return { seconds, until: link.until, filters: link.filters };
}

function base(scope: Scope, more: Filter[] = []): Ask {
  return {
    seconds: scope.seconds,
    until: scope.until,
    filters: askedFilters([...scope.filters, ...more]),
  };
}

export const TOTALS = ["hits", "bytes", "4xx", "5xx", "visitors", "timed", "p50", "p95", "p99"];

/** The figures of a span. */
export function totalAsk(scope: Scope, shift = 0): Ask {
  return { ...base(scope), measures: TOTALS, shift };
}

/** The span before, a day before, a week before: in seconds. */
export function shiftOf(compare: Comparison, seconds: number): number {
  return { none: seconds, before: seconds, day: 86_400, week: 604_800 }[compare];
}

export function comparisonText(compare: Comparison, span: string): string {
  return {
    none: `the ${span} before`,
    before: `the ${span} before`,
    day: "a day before",
    week: "a week before",
  }[compare];
}

export const SERIES = [...CLASSES, "bytes", "visitors", ...QUANTILES];

/** Everything over time that charts and sparklines show: one question for all of them. */
export function seriesAsk(scope: Scope, columns: number, shift = 0): Ask {
  const seconds = chartSeconds(scope);
  return {
    ...base({ ...scope, seconds }),
    measures: SERIES,
    step: stepOf(seconds, columns),
    shift,
  };
}

export interface TableAsk {
  by: string[];
  measures: string[];
  order: string | null;
  ascending: boolean;
  limit: number;
  where?: string | undefined;
}

export function tableAsk(scope: Scope, table: TableAsk, shift = 0): Ask {
  const more: Filter[] = table.where ? [{ where: table.where }] : [];
  return {
    ...base(scope, more),
    by: table.by,
    measures: table.measures,
    order: table.order,
    ascending: table.ascending,
    limit: table.limit,
    shift,
  };
}

const A_DAY = 86_400;

/** The requests themselves. The newest few, also of a quiet log: of the last day at least. */
export function recordsAsk(scope: Scope, limit: number, where?: string, least = A_DAY): Ask {
  const more: Filter[] = where ? [{ where }] : [];
  const seconds = scope.until === null ? Math.max(scope.seconds, least) : scope.seconds;
  return { ...base({ ...scope, seconds }, more), records: true, limit };
}

/** As many requests as a file of them may have: the API refuses more. */
export const MOST_RECORDS = 10_000;

/** The link for the download of a question as CSV, relative to the page. */
export function downloadLink(ask: Ask, now: number): string {
  const until = (ask.until ?? now) - (ask.shift ?? 0);
  const where = conditionOf(ask.filters ?? []);
  const query = new URLSearchParams();
  if (where) query.set("where", where);
  if (ask.by?.length) query.set("by", ask.by.join(","));
  query.set("since", String(until - ask.seconds));
  query.set("until", String(until));
  if (ask.step) query.set("step", `${ask.step}s`);
  if (ask.measures?.length) query.set("measures", ask.measures.join(","));
  if (ask.order) query.set("sort", ask.order);
  if (ask.ascending) query.set("reverse", "true");
  if (ask.limit) query.set("limit", String(ask.limit));
  query.set("format", "csv");
  return `${ask.records ? "api/v1/records" : "api/v1/query"}?${query.toString()}`;
}

/** The link for the HTML report of what is shown, or for its servers, relative to the page. */
export function reportLink(scope: Scope, now: number, path = "report"): string {
  const until = scope.until ?? Math.floor(now);
  const query = new URLSearchParams();
  const where = conditionOf(askedFilters(scope.filters));
  if (where) query.set("where", where);
  query.set("since", String(until - scope.seconds));
  query.set("until", String(until));
  return `api/v1/${path}?${query.toString()}`;
}

/** The path that answers give requests without one. */
const MALFORMED = "(malformed)";

/**
 * Filters as one condition, for links to files.
 *
 * Questions over the socket carry filters as data. Links cannot: the HTTP API takes conditions as
 * people write them for --where, and a browser saves what a link leads to without holding it in
 * memory. So values are quoted here, as the server quotes them.
 */
export function conditionOf(filters: object[]): string {
  return (filters as Filter[])
    .map((filter) => {
      // A comment at its end ends with the line, and not with the condition.
      if ("where" in filter) return `(${filter.where}${filter.where.includes("--") ? "\n" : ""})`;
      const field = quoted(filter.field, '"');
      if (filter.field === "path" && filter.value === MALFORMED)
        return `${field} IS ${filter.not ? "NOT " : ""}NULL`;
      return `${field} ${filter.not ? "IS DISTINCT FROM" : "="} ${textOf(filter.value)}`;
    })
    .join(" AND ");
}

function quoted(text: string, quote: string): string {
  return quote + text.replaceAll(quote, quote + quote) + quote;
}

/** A text in SQL. DuckDB ends a query at a NUL character, which paths in logs do have. */
function textOf(text: string): string {
  const parts = text.split("\0").map((part) => quoted(part, "'"));
  return parts.length === 1 ? parts.join("") : `(${parts.join(" || chr(0) || ")})`;
}
