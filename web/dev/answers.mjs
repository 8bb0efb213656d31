// Answers questions of the page about simulated requests, as the contract has them.

const CONDITIONS = [
  [/status\s*>=\s*(\d+)/, (n) => (r) => r.status >= Number(n)],
  [
    /status\s+between\s+(\d+)\s+and\s+(\d+)/i,
    (a, b) => (r) => r.status >= Number(a) && r.status <= Number(b),
  ],
  [/(\w+)\s+LIKE\s+'%(.*?)%'/i, (f, v) => (r) => String(r[f] ?? "").includes(v)],
  [/duration\s*>\s*([\d.]+)/, (n) => (r) => r.duration > Number(n)],
  [/bot\s+IS NOT NULL/i, () => (r) => r.bot !== null],
];

function conditionOf(where) {
  const found = [];
  for (const [pattern, make] of CONDITIONS) {
    const match = pattern.exec(where);
    if (match) found.push(make(...match.slice(1)));
  }
  return found.length ? (r) => found.every((one) => one(r)) : () => true;
}

function keeps(filters = []) {
  const all = filters.map((one) => {
    if (one.where) return conditionOf(one.where);
    return (r) => (String(r[one.field] ?? "") === one.value) !== Boolean(one.not);
  });
  return (r) => all.every((one) => one(r));
}

function quantile(sorted, part) {
  return sorted.length
    ? sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
    : null;
}

const UNITS = { ms: 0.001, s: 1 };

function measured(rows, measures, seconds) {
  const found = {};
  const hosts = measures.includes("visitors") ? new Set(rows.map((r) => r.host)).size : 0;
  const needsTimes = measures.some((one) => /^p\d|^under|timed|total/.test(one));
  const times = needsTimes
    ? rows
        .map((r) => r.duration)
        .filter((d) => d !== null)
        .sort((a, b) => a - b)
    : [];
  for (const name of measures) {
    const under = /^under_([\d.]+)(ms|s)$/.exec(name);
    if (name === "hits") found.hits = rows.length;
    else if (name === "rate") found.rate = rows.length / seconds;
    else if (/^\dxx$/.test(name))
      found[name] = rows.filter((r) => Math.floor(r.status / 100) === Number(name[0])).length;
    else if (name === "errors") found.errors = rows.filter((r) => r.status >= 400).length;
    else if (name === "bytes") found.bytes = rows.reduce((sum, r) => sum + r.bytes, 0);
    else if (name === "visitors") found.visitors = hosts;
    else if (name === "timed") found.timed = times.length;
    else if (name === "total_time")
      found.total_time = times.length ? times.reduce((sum, d) => sum + d, 0) : null;
    else if (name === "last_seen")
      found.last_seen = rows.length ? rows[rows.length - 1].time : null;
    else if (under) {
      const limit = Number(under[1]) * UNITS[under[2]];
      found[name] = times.filter((d) => d < limit).length;
    } else if (/^p[\d.]+$/.test(name)) found[name] = quantile(times, Number(name.slice(1)) / 100);
    else found[name] = null;
  }
  return found;
}

/** Answers a question; `all` has the requests of each second from `begin` on. */
export function answer(id, ask, all, begin, now) {
  const until = (ask.until ?? now) - (ask.shift ?? 0);
  const since = until - ask.seconds;
  const from = Math.max(since, begin);
  const known = Math.max(0, until - from);
  const keep = keeps(ask.filters);
  const base = {
    type: "answer",
    id,
    columns: {},
    total: {},
    groups: 0,
    has_more: false,
    ungrouped: 0,
    since,
    until,
    covers_since: since < begin ? begin : null,
    known,
    grain: 0,
    is_exact: true,
    missing:
      since < begin
        ? known
          ? "The history begins at a later time; nothing is known from before."
          : "Nothing is known of this time."
        : "",
    error: "",
  };
  const rows = [];
  for (let second = from; second < until; second += 1)
    for (const r of all.get(second) ?? []) if (keep(r)) rows.push(r);
  if (ask.records) {
    const newest = rows.reverse().slice(ask.offset ?? 0, (ask.offset ?? 0) + (ask.limit ?? 100));
    const names = [
      "time",
      "host",
      "user",
      "method",
      "path",
      "query",
      "protocol",
      "status",
      "bytes",
      "duration",
      "referrer",
      "agent",
      "vhost",
      "request",
      "source",
    ];
    base.columns = Object.fromEntries(names.map((name) => [name, newest.map((r) => r[name])]));
    base.has_more = rows.length > newest.length;
    return base;
  }
  const measures = ask.measures ?? ["hits"];
  base.total = known
    ? measured(rows, measures, known)
    : Object.fromEntries(measures.map((one) => [one, null]));
  if (ask.step) {
    const first = Math.floor(since / ask.step) * ask.step;
    const buckets = new Map();
    for (const r of rows) {
      const at = Math.floor(r.time / ask.step) * ask.step;
      buckets.get(at)?.push(r) ?? buckets.set(at, [r]);
    }
    base.columns = Object.fromEntries(["time", ...measures].map((name) => [name, []]));
    for (let at = first; at < until; at += ask.step) {
      base.columns.time.push(at);
      const values =
        at + ask.step <= begin ? {} : measured(buckets.get(at) ?? [], measures, ask.step);
      for (const name of measures) base.columns[name].push(values[name] ?? null);
    }
    return base;
  }
  if (ask.by?.length) {
    const groups = new Map();
    for (const r of rows) {
      const values = ask.by.map((field) => r[field] ?? null);
      if (values.every((value) => value === null)) continue;
      const key = JSON.stringify(values);
      groups.get(key)?.push(r) ?? groups.set(key, [r]);
    }
    const found = [...groups].map(([key, own]) => ({
      key: JSON.parse(key),
      ...measured(own, [...new Set([...measures, ask.order ?? "hits", "hits"])], known),
    }));
    const order = ask.order ?? "hits";
    found.sort((a, b) => ((b[order] ?? -1) - (a[order] ?? -1)) * (ask.ascending ? -1 : 1));
    const shown = found.slice(0, ask.limit ?? 20);
    base.groups = found.length;
    base.has_more = found.length > shown.length;
    ask.by.forEach(
      (field, i) =>
        (base.columns[field] = shown.map((row) =>
          row.key[i] === null ? null : String(row.key[i]),
        )),
    );
    for (const name of measures) base.columns[name] = shown.map((row) => row[name] ?? null);
  }
  return base;
}
