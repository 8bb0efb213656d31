// What is typed into the filter box: `status = 404`, `path:/login`, `-host:1.2.3.4`; or plain words,
// which the server understands. Also what completes it. Pure.

import type { Filter } from "./contract.ts";

export interface Typed {
  /** The part before the cursor that a completion replaces. */
  start: number;
  kind: "field" | "value";
  field: string;
  operator: string;
  prefix: string;
}

const PAIR = /^(-|!)?([A-Za-z_]\w*)\s*(!=|=|:|≠)\s*(?:"([^"]*)"|'([^']*)'|(\S(?:.*\S)?)?)$/;

/** Returns the filter for text that names one field and one value; else `null`: plain words. */
export function filterIn(text: string, fields: string[]): Filter | null {
  const found = PAIR.exec(text.trim());
  if (!found) return null;
  const [, minus, name = "", operator = "=", double, single, bare] = found;
  const value = double ?? single ?? bare;
  const field = fields.find((one) => one === name.toLowerCase());
  if (field === undefined || value === undefined) return null;
  // Conditions of SQL and several words are for the server, unless they are in quotes.
  if (
    bare !== undefined &&
    (/\s(?:and|or|not|in|is|like|between)(?!\S)|\s[<>=!]|[*%()]/i.test(bare) ||
      (/\s/.test(bare) && operator !== "="))
  )
    return null;
  const isNot = (minus !== undefined) !== (operator === "!=" || operator === "≠");
  return isNot ? { field, value, not: true } : { field, value };
}

/** What is being typed: a field's name, or a value of a field. */
export function typedIn(text: string, fields: string[]): Typed {
  const found = /(-|!)?([A-Za-z_]\w*)\s*(!=|=|:)\s*(["']?)([^"']*)$/.exec(text);
  if (found) {
    const [all, , name = "", operator = "=", , prefix = ""] = found;
    const field = fields.find((one) => one === name.toLowerCase());
    if (field) return { start: text.length - all.length, kind: "value", field, operator, prefix };
  }
  const word = /[-!]?([A-Za-z_]*)$/.exec(text);
  const prefix = word?.[1] ?? "";
  return { start: text.length - prefix.length, kind: "field", field: "", operator: "", prefix };
}

/** Writes a field and a value so that `filterIn` reads them. */
export function pairText(field: string, operator: string, value: string): string {
  const isPlain = /^[^\s"'()*%]+$/.test(value);
  const quote = value.includes('"') ? "'" : '"';
  const sign = operator === "!=" ? " != " : " = ";
  return `${field}${sign}${isPlain ? value : `${quote}${value}${quote}`}`;
}

/** Filters to start from: words, a field and its value, a condition. */
export const EXAMPLES = ["5xx /api", "host = 10.0.0.1", "status >= 500 and path like '/api/%'"];

/** What was typed with the name that was meant, where the server has an idea; else `null`. */
export function corrected(text: string, problem: string): string | null {
  const [, wrong, right] = /'(\w+)' \(did you mean '(\w+)'\?\)/.exec(problem) ?? [];
  if (!wrong || !right) return null;
  const fixed = text.replace(new RegExp(`\\b${wrong}\\b`), right);
  return fixed === text ? null : fixed;
}

/** The sentence of a problem; the names of all columns are in the completion. */
export function asProblem(problem: string): string {
  const short = problem.replace(/; columns: [\w, ]+$/, "");
  return short.charAt(0).toUpperCase() + short.slice(1);
}

/** What the server says about filters, without the option of the command line that it names. */
export function filterProblem(error: string, filters: Filter[]): string {
  for (const filter of filters) {
    const prefix = "where" in filter ? `--where ${filter.where}: ` : "";
    if (prefix && error.startsWith(prefix)) return error.slice(prefix.length);
  }
  return error.replace(/^--where .*?: /s, "");
}
