// Whether the site is well, at a glance: judged as the console judges it (console/status.py). Pure.

import type { Answer, Incident, Snapshot } from "./contract.ts";
import { formatDuration, formatRoundDuration } from "./format.ts";
import { ongoingAt } from "./incidents.ts";

export interface Status {
  tone: "critical" | "warning" | "quiet" | "fine";
  /** `1 critical`, `Failing: 30 % 5xx, last 10 s`, `Healthy`. */
  text: string;
}

const NOTICED_FROM = 0.05;
const BAD_FROM = 0.2;
/** With fewer requests a share of errors says little ... */
const FEWEST_HITS = 20;
/** ... but with these something, if at least half of them fail. */
const FEWEST_FAILING = 5;
const MOSTLY = 0.5;

/** Seconds of lag from which it is worth a word. */
const SLOW_SECONDS = 10;

/** What is shown: its end (`null`: now), whether it is narrowed, and its totals. */
interface Shown {
  until: number | null;
  isNarrowed: boolean;
  total: Answer | null;
}

export function statusOf(snapshot: Snapshot, shown: Shown): Status {
  const { health } = snapshot;
  const isLive = shown.until === null;
  const isKnown = (one: Incident) => isLive && one.acknowledged_at !== null;
  const ongoing = ongoingAt(snapshot, shown.until).filter((one) => one.severity !== "info");
  const firing = ongoing.filter((one) => !isKnown(one));
  const acknowledged = ongoing.length - firing.length;
  const critical = firing.filter((one) => one.severity === "critical").length;
  const share = isLive
    ? tellingShare(snapshot.server_errors, snapshot.hits)
    : shown.isNarrowed
      ? 0
      : tellingShare(shown.total?.total?.["5xx"] ?? 0, shown.total?.total?.hits ?? 0);
  const errors = `${(100 * share).toFixed(0)} % 5xx${isLive ? `, ${windowText(snapshot)}` : ""}`;
  const silent = isLive ? snapshot.silent : 0;
  // The first of these that holds, the worst first.
  if (critical) return { tone: "critical", text: `${critical} critical` };
  if (share >= BAD_FROM) return { tone: "critical", text: `Failing: ${errors}` };
  if (firing.length) return { tone: "warning", text: `${firing.length} warning` };
  if (share >= NOTICED_FROM) return { tone: "warning", text: `Errors: ${errors}` };
  if (health.outputs.some((one) => one.state === "retrying"))
    return { tone: "warning", text: "Output fails" };
  if (isBlind(snapshot) || (!isLive && isNothingKnown(shown.total)))
    return { tone: "warning", text: "No data" };
  const behind = isLive ? (health.lag_seconds ?? 0) : 0;
  if (behind > SLOW_SECONDS)
    return { tone: "warning", text: `Behind by ${formatDuration(behind)}` };
  if (silent) return { tone: "warning", text: `Silent for ${formatRoundDuration(silent)}` };
  if (acknowledged) return { tone: "quiet", text: `${acknowledged} acknowledged` };
  return { tone: "fine", text: "Healthy" };
}

function windowText({ window }: Snapshot): string {
  return window.as === "whole log" ? "whole log" : `last ${formatRoundDuration(window.seconds)}`;
}

/** A share of errors; 0 where there are too few requests to say anything. */
function tellingShare(errors: number, hits: number): number {
  if (hits < FEWEST_FAILING) return 0;
  const share = errors / hits;
  return hits >= FEWEST_HITS || share >= MOSTLY ? share : 0;
}

/** Whether no log at all can be read. */
function isBlind({ health }: Snapshot): boolean {
  if (!health.records) return true;
  return (
    health.sources.length > 0 &&
    health.sources.every(
      (one) =>
        ["waiting", "blocked"].includes(one.state) || (one.format === null && one.unparsed > 0),
    )
  );
}

function isNothingKnown(total: Answer | null): boolean {
  return total !== null && !total.error && total.missing !== "" && total.known === 0;
}
