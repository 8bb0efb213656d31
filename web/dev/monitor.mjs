// A pretended monitor: simulated requests of the last minutes, its rules, incidents and health.

import { randomUUID } from "node:crypto";

import { isOutage, requestsOf } from "./traffic.mjs";

const has = (flag) => process.argv.includes(flag);
const withTimes = !has("--no-times");
const HISTORY = 45 * 60;
/** Seconds between two snapshots. */
export const REFRESH = 2;
const server = randomUUID();
/** The requests of each second. */
export const all = new Map();
const startedAt = Math.floor(Date.now() / 1000) - 7000;
/** The oldest second that is known. */
export let begin = Math.floor(Date.now() / 1000) - HISTORY;
for (let second = begin; second < Math.floor(Date.now() / 1000); second += 1)
  all.set(second, requestsOf(second, withTimes));
let lines = [...all.values()].reduce((sum, one) => sum + one.length, 0);

/** Makes the requests that have come since, and forgets the oldest. */
export function advance() {
  const now = Math.floor(Date.now() / 1000);
  for (let second = now - 3; second < now; second += 1) {
    if (all.has(second)) continue;
    const found = requestsOf(second, withTimes);
    lines += found.length;
    all.set(second, found);
  }
  while (begin < now - HISTORY - 600) all.delete(begin++);
}

const RULES = [
  {
    name: "high_traffic",
    title: "High traffic",
    severity: "warning",
    metric: "rate",
    where: null,
    by: null,
    window: 60,
    bound: "limit 50/s",
    threshold: 50,
    above: true,
    has_limit: true,
    is_own: false,
    chart: { measures: ["hits"], kind: "per_second", unit: "rate" },
  },
  {
    name: "server_errors",
    title: "Server errors",
    severity: "critical",
    metric: "status_ratio(5xx)",
    where: null,
    by: null,
    window: 60,
    bound: "limit 5 %",
    threshold: 0.05,
    above: true,
    has_limit: true,
    is_own: false,
    chart: { measures: ["5xx", "hits"], kind: "ratio", unit: "share" },
  },
  {
    name: "scanner",
    title: "Scanner",
    severity: "info",
    metric: "status(4xx)",
    where: "status >= 400",
    by: "host",
    window: 120,
    bound: "limit 20 requests",
    threshold: 20,
    above: true,
    has_limit: true,
    is_own: false,
    chart: { measures: ["hits"], kind: "count", unit: "count" },
  },
  {
    name: "slow",
    title: "Slow responses",
    severity: "warning",
    metric: "p95",
    where: null,
    by: null,
    window: 120,
    bound: "limit 1.5 s",
    threshold: 1.5,
    above: true,
    has_limit: true,
    is_own: false,
    chart: { measures: ["p95"], kind: "value", unit: "seconds" },
  },
  {
    name: "own_health",
    title: "GlanceMetrics",
    severity: "warning",
    metric: "own health",
    where: null,
    by: null,
    window: 60,
    bound: "",
    threshold: null,
    above: true,
    has_limit: true,
    is_own: false,
    chart: null,
  },
];
export const silences = new Map();
export const acknowledged = new Map();

function incidentsAt(now) {
  const found = [];
  let since = null;
  for (let second = begin; second <= now; second += 1) {
    if (isOutage(second) && since === null) since = second;
    const isOver = since !== null && !isOutage(second);
    if (isOver || (second === now && since !== null)) {
      const id = `server_errors-${since}`;
      found.push({
        incident: id,
        rule: "server_errors",
        title: "Server errors",
        severity: "critical",
        by: null,
        group: null,
        headline: "Server errors: 15.8 % of responses are 5xx (limit 5 %, 1 min)",
        bound: "limit 5 %",
        hint: "",
        value: 0.158,
        value_text: "15.8 %",
        peak: 0.212,
        peak_text: "21.2 %",
        worst_text: "peak 21.2 %",
        latest: isOver ? null : 0.17,
        latest_text: isOver ? "" : "17 %",
        threshold: 0.05,
        window: 60,
        triggered_at: since + 20,
        recovered_at: isOver ? second + 15 : null,
        duration: isOver ? second - since - 5 : null,
        flapping: false,
        expired: false,
        cause: "",
        acknowledged_at: acknowledged.get(id) ?? null,
        silenced_until: silences.get("Server errors")?.until ?? null,
        closes_at: null,
      });
      since = null;
    }
  }
  const scan = begin + 600;
  found.push({
    incident: "scanner-1",
    rule: "scanner",
    title: "Scanner",
    severity: "info",
    by: "host",
    group: "185.220.101.34",
    headline: "Scanner 185.220.101.34: 31 requests for attack paths (limit 20, 2 min)",
    bound: "limit 20 requests",
    hint: "A scanner tries known holes; block its address if it does not stop.",
    value: 31,
    value_text: "31 requests",
    peak: 44,
    peak_text: "44 requests",
    worst_text: "peak 44 requests",
    latest: 28,
    latest_text: "28 requests",
    threshold: 20,
    window: 120,
    triggered_at: scan,
    recovered_at: null,
    duration: null,
    flapping: true,
    expired: false,
    cause: "",
    acknowledged_at: acknowledged.get("scanner-1") ?? null,
    silenced_until: null,
    closes_at: null,
  });
  return found.reverse();
}

export function snapshot() {
  const now = Math.floor(Date.now() / 1000);
  const recent = [];
  for (let second = now - 10; second < now; second += 1) recent.push(...(all.get(second) ?? []));
  const classes = { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0, other: 0 };
  for (const r of recent) classes[r.class] += 1;
  const incidents = incidentsAt(now);
  return {
    type: "snapshot",
    time: Date.now() / 1000,
    now,
    live: !has("--past"),
    window: { seconds: 10, end: now, as: "window" },
    hits: recent.length,
    hit_rate: recent.length / 10,
    bytes: recent.reduce((sum, r) => sum + r.bytes, 0),
    visitors: new Set(recent.map((r) => r.host)).size,
    known_users: 2,
    client_errors: classes["4xx"],
    server_errors: classes["5xx"],
    status_classes: classes,
    rates: Array.from({ length: 60 }, (_, i) => (all.get(now - 60 + i) ?? []).length),
    troubles: has("--trouble")
      ? ["output syslog fails: connection refused; retrying, 12 events waiting"]
      : [],
    explanation: "",
    alerts: {
      firing: incidents.filter((one) => one.recovered_at === null),
      ended: incidents.filter((one) => one.recovered_at !== null),
      pending:
        now % 420 > 290 && now % 420 < 322
          ? [{ rule: "slow", title: "Slow responses", group: null, since: now - 12 }]
          : [],
    },
    silences: [...silences].map(([pattern, one]) => ({ pattern, ...one })),
    has_servers: false,
    health: {
      agents: [],
      agents_text: "",
      lines,
      records: lines - 14,
      rejects: 14,
      foreign: 0,
      damaged: 2,
      filtered: 0,
      late: 3,
      early: 0,
      delay: 0.4,
      lag_bytes: 0,
      lag_seconds: null,
      memory: 84_200_000,
      memory_limit: 512_000_000,
      gaps: 0,
      last_gap: null,
      clock: "wall",
      sources: [
        {
          name: "/var/log/nginx/access.log",
          state: "following",
          detail: "",
          format: "combined",
          lag_bytes: 0,
          unparsed: 14,
          behind: 0,
          opened: true,
          last_record: now - 1,
        },
      ],
      outputs: [
        {
          name: "web",
          state: "running",
          detail: "127.0.0.1:8099, 1 viewer",
          lost: 0,
          restarts: 0,
          waiting: 0,
        },
        {
          name: "syslog",
          state: has("--trouble") ? "retrying" : "running",
          detail: has("--trouble") ? "connection refused" : "",
          lost: 0,
          restarts: 2,
          waiting: has("--trouble") ? 12 : 0,
        },
      ],
      reject_samples: [
        {
          source: "/var/log/nginx/access.log",
          reason: "no request line",
          line: "\u0016\u0003\u0001\u0002 \u202etls hello",
        },
        {
          source: "/var/log/nginx/access.log",
          reason: "status is not a number",
          line: '10.0.0.7 - - [27/Nov/2026:16:20:01 +0000] "GET / HTTP/1.1" abc 12',
        },
      ],
    },
  };
}

export const hello = () => ({
  type: "hello",
  version: "1.0",
  api: 1,
  server,
  now: Date.now() / 1000,
  refresh: REFRESH,
  started_at: startedAt,
  admin: !has("--viewer"),
  anonymized: false,
  note: "",
  where: null,
  sources: ["/var/log/nginx/access.log"],
  kept: ["upstream_cache_status"],
  dimensions:
    "section path route host network user vhost status class method protocol referrer referring_site agent browser os device bot source"
      .split(" ")
      .map((name) => ({
        name,
        title:
          {
            os: "Operating systems",
            status: "Status",
            path: "Paths",
            host: "Hosts",
            vhost: "Virtual hosts",
            class: "Status classes",
            referring_site: "Referring sites",
          }[name] ?? `${name[0].toUpperCase()}${name.slice(1)}s`,
        live: true,
      }))
      .concat([{ name: "upstream_cache_status", title: "upstream_cache_status", live: true }]),
  measures: ["hits", "rate", "bytes"],
  windows: [10, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 604800, 2592000],
  rules: RULES,
});
