// Incidents: which are ongoing at the time that is shown, their order, and how charts shade them. Pure.

import type { Shade } from "./charts/marks.ts";
import { patternOf } from "./api.ts";
import { formatRoundDuration, formatUnit } from "./format.ts";
import type { Incident, Rule, Severity, Snapshot } from "./contract.ts";

const ORDER: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };

/** The most severe first; acknowledged ones after those like them; then the newest. */
export function bySeverity(incidents: Incident[]): Incident[] {
  return [...incidents].sort(
    (one, other) =>
      ORDER[one.severity] - ORDER[other.severity] ||
      Number(one.acknowledged_at !== null) - Number(other.acknowledged_at !== null) ||
      other.triggered_at - one.triggered_at,
  );
}

function all(snapshot: Snapshot | null): Incident[] {
  if (!snapshot) return [];
  const found = new Map<string, Incident>();
  for (const one of [...snapshot.alerts.firing, ...snapshot.alerts.ended]) {
    if (!found.has(one.incident)) found.set(one.incident, one);
  }
  return [...found.values()];
}

/** The incidents that are ongoing at the end of what is shown. */
export function ongoingAt(snapshot: Snapshot | null, until: number | null): Incident[] {
  if (!snapshot) return [];
  if (until === null) return bySeverity(snapshot.alerts.firing);
  return bySeverity(
    all(snapshot)
      .filter((one) => one.triggered_at <= until && !isOverAt(one, until))
      .map((one) => asOf(one, until)),
  );
}

/** An incident as it was known at a time: without what came later, and what is so only now. */
export function asOf(incident: Incident, until: number): Incident {
  const acknowledged = incident.acknowledged_at;
  const then = {
    ...incident,
    acknowledged_at: acknowledged !== null && acknowledged <= until ? acknowledged : null,
    latest: null,
    silenced_until: null,
    closes_at: null,
  };
  if (isOverAt(incident, until)) return then;
  return {
    ...then,
    recovered_at: null,
    duration: null,
    expired: false,
    flapping: false,
    peak: null,
    peak_text: "",
    worst_text: "",
  };
}

/** Whether an incident was over at the time that is shown. */
export function isOverAt({ recovered_at: end }: Incident, now: number): boolean {
  return end !== null && end <= now;
}

/** Those that were over by then, the newest first. */
export function endedAt(snapshot: Snapshot | null, until: number | null): Incident[] {
  if (!snapshot) return [];
  return all(snapshot)
    .filter((one) => one.recovered_at !== null && (until === null || one.recovered_at <= until))
    .map((one) => (until === null ? one : asOf(one, until)))
    .sort((one, other) => other.triggered_at - one.triggered_at);
}

/** What charts shade; of one rule, or one of its groups, if that is given. */
export function shadesOf(
  snapshot: Snapshot | null,
  since: number,
  until: number,
  rule?: string,
  group?: string | null,
): Shade[] {
  return all(snapshot)
    .filter((one) => one.triggered_at < until && (one.recovered_at ?? Infinity) > since)
    .filter((one) => rule === undefined || one.rule === rule)
    .filter((one) => group === undefined || group === null || one.group === group)
    .map((one) => ({
      from: one.triggered_at,
      until: Math.min(until, one.recovered_at ?? until),
      severity: one.severity,
      label: `${one.severity}: ${one.title}${one.group === null ? "" : ` ${one.group}`}`,
    }));
}

/**
 * When an incident was in breach: also the window of its rule before, and a tenth at both ends.
 *
 * `now`: the end of what is shown, which `isLive` or not; one that is not over lasts until then.
 */
export function spanOf(
  incident: Incident,
  now: number,
  isLive = true,
): { seconds: number; until: number | null } {
  const since = incident.triggered_at - incident.window;
  const isOver = incident.recovered_at !== null;
  const until = isOver ? (incident.recovered_at ?? now) : now;
  const margin = Math.max(10, (until - since) / 10);
  const from = Math.floor((since - margin) / 10) * 10;
  const to = isOver
    ? Math.min(Math.ceil((until + margin) / 10) * 10, Math.floor(now))
    : Math.floor(now);
  return { seconds: Math.max(60, to - from), until: isOver || !isLive ? to : null };
}

/** A silence's pattern as people know the rule: its title, where it is that of one rule. */
export function silencedText(pattern: string, rules: Rule[]): string {
  return (
    rules.find(({ name }) => pattern === name || pattern === patternOf(name))?.title ?? pattern
  );
}

/**
 * What an incident waits for that is within its limit again, or has no more data; else empty.
 *
 * It lasts until it has been so for a while: without a word of that, `critical … now 0.2 % (limit
 * 5 %)` looks broken.
 */
export function recoveryText(
  { closes_at: end, recovered_at: over, latest, threshold }: Incident,
  rule: Rule | undefined,
  now: number,
): string {
  if (over !== null) return "";
  const isAbove = rule?.above !== false;
  const within = `${isAbove ? "below" : "above"} its limit`;
  if (end !== null)
    return `${latest === null ? "no more data" : within}, ends in ${formatRoundDuration(Math.max(1, Math.ceil(end - now)))}`;
  // It recovers at another value than its limit (recover_below, recover_above).
  const isWithin =
    rule?.has_limit && latest !== null && threshold !== null && latest !== threshold
      ? latest < threshold === isAbove
      : false;
  return isWithin ? `${within}, not far enough to recover` : "";
}

/** What a rule limits, in words: `30 requests over 1 min, by host, where status = 404`. */
export function limitText(rule: Rule): string {
  if (rule.is_own) return "GlanceMetrics' own health";
  return [
    rule.bound.replace(/^limit /, "") +
      (rule.window ? ` over ${formatRoundDuration(rule.window)}` : ""),
    ...(rule.by ? [`by ${rule.by}`] : []),
    ...(rule.where ? [`where ${rule.where}`] : []),
  ].join(", ");
}

/** The newest value of an incident, short: its sentence stands in the headline already. */
export function latestText(incident: Incident, rule: Rule | undefined): string {
  const unit = rule?.chart?.unit;
  return unit ? formatUnit(unit, incident.latest) : incident.latest_text || "–";
}

/** The worst value of an incident: `peak 46 %`, or `lowest 3 requests` of a rule with a minimum. */
export function worstValueText({ worst_text: text, peak_text: peak }: Incident): string {
  return text ?? (peak && `peak ${peak}`);
}

/** Which failing requests a rule is about; `null` for rules about other things. */
export function failingIn(rule: Rule | undefined): string | null {
  if (!rule) return null;
  const text = `${rule.metric} ${rule.where ?? ""}`;
  if (/5xx|status\s*>=?\s*(?:500|499)/.test(text)) return "status BETWEEN 500 AND 599";
  if (/4xx/.test(text)) return "status BETWEEN 400 AND 499";
  return /error/.test(text) ? "status >= 400" : null;
}
