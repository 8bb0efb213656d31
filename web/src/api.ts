// The HTTP half of the contract: completion, plain words, acknowledging, silencing, the raw line.

import type { Row } from "./rows.ts";

/** All addresses are relative: the page may be served below any path. */
export function addressOf(path: string): string {
  return new URL(path, document.baseURI).href;
}

export class ApiError extends Error {}

async function call(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await answerTo(path, init);
  return response.json().catch(() => null);
}

async function answerTo(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(addressOf(path), {
      credentials: "same-origin",
      ...init,
      headers: { Accept: "application/json", "X-GlanceMetrics": "1", ...init.headers },
    });
  } catch {
    throw new ApiError("the server cannot be reached");
  }
  if (response.status === 401) {
    location.assign(addressOf(`login${location.search}`));
    throw new ApiError("the session has ended");
  }
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null);
    const problem = body as { detail?: unknown; title?: unknown } | null;
    const text = problem?.detail || problem?.title || `the server answered ${response.status}`;
    throw new ApiError(String(text));
  }
  return response;
}

/** Why the server does not let this page connect, as a sentence; empty if it does not say. */
export async function whyRefused(): Promise<string> {
  try {
    // Only for GET: that it refuses the method (405) says that it would answer this page.
    const response = await fetch(addressOf("api/v1/events"), {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-GlanceMetrics": "1" },
    });
    if (response.status === 401) location.assign(addressOf(`login${location.search}`));
    if (response.ok || response.status === 405) {
      return "The server answers, but not over a WebSocket: a proxy in between must pass on the Upgrade header.";
    }
    const body: unknown = await response.json().catch(() => null);
    const detail = (body as { detail?: unknown } | null)?.detail;
    return asSentence(detail ? String(detail) : `the server answered ${response.status}`);
  } catch {
    return "The server cannot be reached.";
  }
}

function asSentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Fetches a file; it is an error of ours, and not a page, if the server has none. */
export async function fileAt(path: string): Promise<Blob> {
  return (await answerTo(path, { headers: { Accept: "*/*" } })).blob();
}

function sending(method: string, body: object): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

/** Makes a condition of plain words such as `5xx /api`. */
export async function conditionFor(text: string): Promise<{ where: string; problem: string }> {
  const found = (await call(`api/v1/filter?text=${encodeURIComponent(text)}`)) as {
    where?: string;
    problem?: string;
  };
  return { where: found.where ?? "", problem: found.problem ?? "" };
}

export interface KnownValue {
  value: string;
  hits: number;
}

/** Returns the values of a field that begin so, the most frequent first. */
export async function valuesOf(field: string, prefix: string, last: string): Promise<KnownValue[]> {
  const query = new URLSearchParams({ field, prefix, last });
  const found = (await call(`api/v1/values?${query}`)) as { values?: KnownValue[] };
  return found.values ?? [];
}

export const acknowledge = (incident: string) =>
  call("api/v1/acknowledgements", sending("PUT", { incident }));

export const unacknowledge = (incident: string) =>
  call(`api/v1/acknowledgements?incident=${encodeURIComponent(incident)}`, { method: "DELETE" });

/** The pattern that only the rule of this name matches: `*`, `?` and `[` stand for themselves. */
export const patternOf = (rule: string) => rule.replace(/[*?[]/g, "[$&]");

export const silence = (rule: string, seconds: number, why: string) =>
  call("api/v1/silences", sending("POST", { pattern: patternOf(rule), seconds, why }));

export const unsilence = (pattern: string) =>
  call(`api/v1/silences?pattern=${encodeURIComponent(pattern)}`, { method: "DELETE" });

/** Returns the line of a request as it is in the log. */
export async function rawLine(record: Row): Promise<{ line: string; missing: string }> {
  const found = (await call("api/v1/raw-line", sending("POST", { record }))) as {
    line?: string;
    missing?: string;
  };
  return { line: found.line ?? "", missing: found.missing ?? "" };
}
