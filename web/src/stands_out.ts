// What stands out: one value that makes up most of the errors, a big change. Pure; says nothing often.

import type { Answer, Ask, Filter } from "./contract.ts";
import { tableAsk, type Scope } from "./asks.ts";
import { counted, formatCount, formatRate, formatSeconds, formatShare } from "./format.ts";
import { rateOf } from "./figures.ts";
import { answerRows, numberIn } from "./rows.ts";
import { visible } from "./text.ts";

export interface Finding {
  key: string;
  /** The sentence, in parts: values of logs are shown apart from words. */
  before: string;
  value: string | null;
  after: string;
  severity: "bad" | "noticed" | "plain";
  /** What a click narrows to. */
  filters: Filter[];
}

const LEAST_ERRORS = 10;
/** Of all requests. */
const LEAST_ERROR_SHARE = 0.01;
const LEAST_SHARE = 0.5;
/** With its own share of all requests, a value that makes up most of the errors is no news. */
const LEAST_LIFT = 1.3;
const LEAST_HITS = 50;

const FIELDS = {
  "5xx": ["path", "vhost", "host", "agent"],
  "4xx": ["path", "host", "agent"],
} as const;
type Errors = keyof typeof FIELDS;

const NOUNS: Record<Errors, string> = { "5xx": "server errors", "4xx": "client errors" };
const WHERE: Record<Errors, string> = {
  "5xx": "status BETWEEN 500 AND 599",
  "4xx": "status BETWEEN 400 AND 499",
};

export interface Question {
  errors: Errors;
  field: string;
  ask: Ask;
}

/** The questions to ask: none while there are too few errors to say anything about. */
export function questionsFor(scope: Scope, total: Answer | null): Question[] {
  const found: Question[] = [];
  for (const errors of ["5xx", "4xx"] as const) {
    const count = total?.total?.[errors] ?? 0;
    const hits = total?.total?.hits ?? 0;
    if (count < LEAST_ERRORS || count < LEAST_ERROR_SHARE * hits) continue;
    for (const field of FIELDS[errors]) {
      // Where everything is narrowed to one value already, it makes up all of them.
      if (scope.filters.some((one) => "field" in one && one.field === field && !one.not)) continue;
      const ask = tableAsk(scope, {
        by: [field],
        measures: ["hits", errors],
        order: errors,
        ascending: false,
        limit: 1,
      });
      found.push({ errors, field, ask });
    }
  }
  return found;
}

/** Whether one value makes up most of the errors, and more than its share of all requests. */
export function mostErrors({ errors, field }: Question, answer: Answer | null): Finding | null {
  const row = answerRows(answer)[0];
  const all = answer?.total?.[errors] ?? 0;
  const hits = answer?.total?.hits ?? 0;
  if (!answer || answer.error || !row || !all || !hits) return null;
  const count = numberIn(row, errors) ?? 0;
  const share = count / all;
  const value = row[field];
  if (value === null || value === undefined || count < LEAST_ERRORS || share < LEAST_SHARE)
    return null;
  const isOnlyOne = answer.groups === 1;
  const ofAll = (numberIn(row, "hits") ?? 0) / hits;
  if (isOnlyOne || share < LEAST_LIFT * ofAll) return null;
  return {
    key: `${errors}/${field}`,
    before: `${visible(nounOf(field))} `,
    value: String(value),
    after: ` makes up ${answer.is_exact ? "" : "about "}${formatShare(share)} of the ${NOUNS[errors]} (${formatCount(count)} of ${formatCount(all)})`,
    severity: errors === "5xx" ? "bad" : "noticed",
    filters: [
      { field, value: String(value) },
      { where: WHERE[errors], label: errors },
    ],
  };
}

function nounOf(field: string): string {
  return (
    { path: "Path", host: "Client", vhost: "Virtual host", agent: "User agent" }[field] ?? field
  );
}

/** Big changes against the span before: traffic, server errors, response times. */
export function changes(now: Answer | null, before: Answer | null, beforeText: string): Finding[] {
  if (!now || !before || now.error || before.error || !(before.known > 0.5 * now.known)) return [];
  const found: Finding[] = [];
  const add = (key: string, severity: Finding["severity"], text: string, filters: Filter[] = []) =>
    found.push({ key, before: text, value: null, after: "", severity, filters });
  const rate = rateOf(now);
  const rateBefore = rateOf(before);
  const hits = now.total.hits ?? 0;
  const hitsBefore = before.total.hits ?? 0;
  if (rate && rateBefore && Math.max(hits, hitsBefore) >= LEAST_HITS) {
    const times = rate / rateBefore;
    if (times >= 2)
      add(
        "rate",
        "noticed",
        `Traffic is ${timesText(times)} that of ${beforeText}: ${formatRate(rate)} requests/s, ${formatRate(rateBefore)} then`,
      );
    else if (times <= 0.5)
      add(
        "rate",
        "noticed",
        `Traffic is down ${formatShare(1 - times)} from ${beforeText}: ${formatRate(rate)} requests/s, ${formatRate(rateBefore)} then`,
      );
  }
  const failed = now.total["5xx"] ?? 0;
  const failedBefore = before.total["5xx"] ?? 0;
  if (failed >= LEAST_ERRORS && hits && hitsBefore) {
    const share = failed / hits;
    const shareBefore = failedBefore / hitsBefore;
    if (share >= 0.02 && share >= 2 * shareBefore) {
      const then = failedBefore ? formatShare(shareBefore) : "none";
      add(
        "5xx",
        "bad",
        `${formatShare(share)} of responses are server errors (${counted(failed, "response")}), ${then} ${inTime(beforeText)}`,
        [{ where: WHERE["5xx"], label: "5xx" }],
      );
    }
  }
  const slow = now.total.p95;
  const slowBefore = before.total.p95;
  if (
    slow &&
    slowBefore &&
    (now.total.timed ?? 0) >= LEAST_HITS &&
    (before.total.timed ?? 0) >= LEAST_HITS &&
    slow >= 2 * slowBefore &&
    slow >= 0.1
  ) {
    add(
      "p95",
      "noticed",
      `Responses are slower: p95 is ${formatSeconds(slow)}, ${formatSeconds(slowBefore)} ${inTime(beforeText)}`,
    );
  }
  return found;
}

/** `in the 5 min before`, but `a week before`. */
function inTime(beforeText: string): string {
  return beforeText.startsWith("a ") ? beforeText : `in ${beforeText}`;
}

function timesText(times: number): string {
  return times < 2.25 ? "twice" : `${times < 10 ? times.toFixed(1) : times.toFixed(0)} times`;
}
