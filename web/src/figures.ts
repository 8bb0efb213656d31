// The figures at the top of every view, worked out of answers. Pure.

import type { Answer, Snapshot } from "./contract.ts";
import {
  changeOf,
  formatBytes,
  formatCount,
  formatRate,
  formatRoundDuration,
  formatSeconds,
  formatShare,
  shortCount,
  UNKNOWN,
  type Change,
} from "./format.ts";
import { divided, perSecond, summed, type Columns, type Values } from "./charts/series.ts";
import { CLASSES } from "./asks.ts";
import { shareTone, type Tone } from "./measures.ts";

export interface Figure {
  name: string;
  title: string;
  value: string;
  unit: string;
  /** A second, smaller line. */
  detail: string;
  change: Change | null;
  isBadWhenMore: boolean;
  tone: Tone;
  trend: Values;
  color: string;
}

/** Requests per second over what is known of the span, not over what is missing. */
export function rateOf(answer: Answer | null): number | null {
  const hits = answer?.total?.hits;
  if (!answer || hits === null || hits === undefined || !(answer.known > 0)) return null;
  return hits / answer.known;
}

/** A rate over more than this is not one of right now. */
const NOW_SECONDS = 60;
/** So many of the newest seconds are right now. */
const NOW_STEPS = 10;

/** Requests per second right now: not an average over minutes, and 0 when nothing arrives. */
export function rateNow({ live, window, hit_rate: rate, rates }: Snapshot): number {
  if (!live || window.seconds <= NOW_SECONDS) return rate;
  const newest = rates.slice(-NOW_STEPS);
  return newest.length ? newest.reduce((sum, one) => sum + one, 0) / newest.length : 0;
}

function ratio(answer: Answer | null, part: string): number | null {
  const value = answer?.total?.[part];
  const hits = answer?.total?.hits;
  return value === null || value === undefined || !hits ? null : value / hits;
}

/** Rates and shares are compared with a span of which at least so much is known. */
const ENOUGH = 0.5;
const WHOLE = 0.97;

function knownShare(answer: Answer): number {
  const seconds = answer.until - answer.since;
  return seconds > 0 ? answer.known / seconds : 0;
}

/** `of 5 min known`, where a part of the span is not known; empty where all of it is. */
export function knownText(answer: Answer | null, seconds: number): string {
  if (!answer?.missing) return "";
  if (answer.known <= 0) return "nothing known";
  return answer.known < seconds ? `${formatRoundDuration(answer.known)} known` : "with gaps";
}

export function figuresOf(
  given: Answer | null,
  before: Answer | null,
  columns: Columns | null,
  hasTimes: boolean,
): Figure[] {
  const answer = given && !given.error ? given : null;
  const total = answer ? answer.total : {};
  const about = answer && !answer.is_exact ? "≈ " : "";
  const then = before && !before.error && knownShare(before) >= ENOUGH ? before : null;
  const nothing: Values = [];
  const all = columns ? summed(CLASSES.map((name) => columns.values[name] ?? [])) : nothing;
  const share = (name: string) => (columns ? divided(columns.values[name] ?? [], all) : nothing);
  const rate = rateOf(answer);
  const bytesRate =
    answer && total.bytes != null && answer.known > 0 ? total.bytes / answer.known : null;
  const bytesBefore = then && then.total.bytes != null ? then.total.bytes / then.known : null;
  const [bytesValue = UNKNOWN, bytesUnit = ""] = formatBytes(bytesRate).split(" ");
  const failed = ratio(answer, "5xx");
  const refused = ratio(answer, "4xx");
  const found: Figure[] = [
    {
      name: "rate",
      title: "Requests",
      value: formatRate(rate),
      unit: "/s",
      detail:
        total.hits == null
          ? ""
          : `${total.hits < 1e6 ? formatCount(total.hits) : shortCount(total.hits)} in all`,
      change: changeOf(rate, rateOf(then)),
      isBadWhenMore: false,
      tone: "",
      trend: columns ? summed(CLASSES.map((name) => perSecond(columns, name))) : nothing,
      color: "--c-2xx",
    },
    {
      name: "5xx",
      title: "Server errors",
      value: shareNumber(failed),
      unit: failed === null ? "" : "%",
      detail: total["5xx"] == null ? "" : `${formatCount(total["5xx"])} × 5xx`,
      change: changeOf(failed, ratio(then, "5xx")),
      isBadWhenMore: true,
      tone: shareTone("5xx", failed),
      trend: share("5xx"),
      color: "--c-5xx",
    },
    {
      name: "4xx",
      title: "Client errors",
      value: shareNumber(refused),
      unit: refused === null ? "" : "%",
      detail: total["4xx"] == null ? "" : `${formatCount(total["4xx"])} × 4xx`,
      change: changeOf(refused, ratio(then, "4xx")),
      isBadWhenMore: true,
      tone: shareTone("4xx", refused),
      trend: share("4xx"),
      color: "--c-4xx",
    },
  ];
  if (hasTimes) {
    const [value = UNKNOWN, ...unit] = formatSeconds(total.p95).split(" ");
    found.push({
      name: "p95",
      title: "p95 response time",
      value: total.p95 == null ? UNKNOWN : `${about}${value}`,
      unit: unit.join(" "),
      detail: total.p50 == null ? "" : `p50 ${formatSeconds(total.p50)}`,
      change: changeOf(total.p95, then?.total.p95),
      isBadWhenMore: true,
      tone: "",
      trend: columns?.values.p95 ?? nothing,
      color: "--c-p95",
    });
  }
  found.push(
    {
      name: "visitors",
      title: "Visitors",
      value:
        total.visitors == null
          ? UNKNOWN
          : about +
            (total.visitors < 1e6 ? formatCount(total.visitors) : shortCount(total.visitors)),
      unit: "",
      detail: "client addresses",
      // Visitors do not add up over time: of a shorter span there are fewer.
      change:
        answer && then && knownShare(answer) > WHOLE && knownShare(then) > WHOLE
          ? changeOf(total.visitors, then.total.visitors)
          : null,
      isBadWhenMore: false,
      tone: "",
      trend: columns?.values.visitors ?? nothing,
      color: "--c-visitors",
    },
    {
      name: "bytes",
      title: "Bandwidth",
      value: bytesValue,
      unit: bytesRate === null ? "" : `${bytesUnit}/s`,
      detail: total.bytes == null ? "" : `${formatBytes(total.bytes)} in all`,
      change: changeOf(bytesRate, bytesBefore),
      isBadWhenMore: false,
      tone: "",
      trend: columns ? perSecond(columns, "bytes") : nothing,
      color: "--c-bytes",
    },
  );
  return found;
}

function shareNumber(share: number | null): string {
  return share === null ? UNKNOWN : formatShare(share).replace(/ %$/, "");
}
