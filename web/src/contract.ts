// What goes over the wire between this page and the server.

export type Filter =
  { field: string; value: string; not?: boolean } | { where: string; label?: string };

/** A question. The server knows only these fields. */
export interface Ask {
  seconds: number;
  until?: number | null;
  shift?: number;
  filters?: object[];
  by?: string[];
  measures?: string[];
  order?: string | null;
  ascending?: boolean;
  limit?: number;
  step?: number | null;
  records?: boolean;
  offset?: number;
}

export type Cell = string | number | boolean | null;

export interface Answer {
  id: string;
  columns: Record<string, Cell[]>;
  total: Record<string, number | null>;
  groups: number;
  has_more: boolean;
  ungrouped: number;
  since: number;
  until: number;
  covers_since: number | null;
  /** Seconds of the span that are known: rates divide by this. */
  known: number;
  /** Parts of the span of which nothing was read: from a second on, and before another. */
  unread: [number, number][];
  grain: number;
  is_exact: boolean;
  missing: string;
  error: string;
}

export type Severity = "critical" | "warning" | "info";

export interface Incident {
  incident: string;
  rule: string;
  title: string;
  severity: Severity;
  by: string | null;
  group: string | null;
  headline: string;
  bound: string;
  hint: string;
  value: number | null;
  value_text: string;
  peak: number | null;
  peak_text: string;
  /** `peak 46 %`, `lowest 3 requests`, or empty; an older server does not send it. */
  worst_text?: string;
  latest: number | null;
  latest_text: string;
  threshold: number | null;
  window: number;
  triggered_at: number;
  recovered_at: number | null;
  duration: number | null;
  flapping: boolean;
  expired: boolean;
  cause: string;
  acknowledged_at: number | null;
  silenced_until: number | null;
  closes_at: number | null;
}

export interface RuleChart {
  measures: string[];
  kind: "value" | "ratio" | "per_second" | "count";
  unit: "count" | "rate" | "share" | "bytes" | "bytes_rate" | "seconds";
}

export interface Rule {
  name: string;
  title: string;
  severity: Severity;
  metric: string;
  where: string | null;
  by: string | null;
  window: number;
  bound: string;
  threshold: number | null;
  above: boolean;
  /** Whether `threshold` is a value of the metric, and not a multiple or a factor. */
  has_limit: boolean;
  /** Whether it watches the monitor itself. */
  is_own: boolean;
  chart: RuleChart | null;
}

export interface Pending {
  rule: string;
  title: string;
  group: string | null;
  since: number;
}

export interface Silence {
  pattern: string;
  until: number | null;
  why: string;
}

export interface SourceHealth {
  name: string;
  state: string;
  detail: string;
  format: string | null;
  lag_bytes: number;
  unparsed: number;
  behind: number;
  opened: boolean;
  last_record: number | string | null;
  note?: string;
}

export interface AgentHealth {
  name: string;
  state: "silent" | "trouble" | "unknown" | "waiting" | "ended" | "ok";
  /** What is not as it should be. */
  detail: string;
  /** When a silent one was last heard of; `null`: not since the start. */
  last_heard: number | null;
  version: string;
  host: string;
  files: number;
  /** `null`: nobody knows now. */
  lag_bytes: number | null;
  clock_offset: number;
}

export interface OutputHealth {
  name: string;
  state: string;
  detail: string;
  lost: number;
  restarts: number;
  waiting: number;
}

export interface Health {
  lines: number;
  records: number;
  rejects: number;
  foreign: number;
  damaged: number;
  filtered: number;
  late: number;
  early: number;
  delay: number | null;
  lag_bytes: number;
  lag_seconds: number | null;
  memory: number | null;
  memory_limit: number | null;
  gaps: number;
  last_gap: string | null;
  clock?: unknown;
  sources: SourceHealth[];
  agents: AgentHealth[];
  /** How they are, in a line. */
  agents_text: string;
  outputs: OutputHealth[];
  reject_samples: Record<string, unknown>[];
}

export interface Hello {
  type: "hello";
  version: string;
  api: number;
  server: string;
  now: number;
  refresh: number;
  started_at: number;
  admin: boolean;
  anonymized: boolean;
  has_login?: boolean;
  note: string;
  where: string | null;
  sources: string[];
  kept: string[];
  dimensions: { name: string; title: string; live: boolean }[];
  measures: string[];
  windows: number[];
  rules: Rule[];
}

export interface Snapshot {
  type: "snapshot";
  time: number;
  now: number;
  live: boolean;
  window: { seconds: number; end: number; as: string };
  hits: number;
  hit_rate: number;
  bytes: number;
  visitors: number | null;
  client_errors: number;
  server_errors: number;
  status_classes: Record<string, number>;
  rates: number[];
  /** Seconds without a request, where that is unusual; else 0. */
  silent: number;
  troubles: string[];
  explanation: string;
  alerts: { firing: Incident[]; ended: Incident[]; pending: Pending[] };
  silences: Silence[];
  health: Health;
  /** Whether there are servers to compare. */
  has_servers: boolean;
}

export interface AlertEvent {
  type: "alert";
  event: {
    time: string;
    event: string;
    rule?: string;
    incident?: string;
    severity?: string;
    message?: string;
  };
}

export type Message =
  Hello | Snapshot | ({ type: "answer" } & Answer) | AlertEvent | { type: "gone"; why: string };
