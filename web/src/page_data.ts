// The answers that every view needs: totals, those of the span before, and everything over time.

import { signal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";

import {
  comparisonText,
  scopeOf,
  seriesAsk,
  shiftOf,
  totalAsk,
  chartSeconds,
  stepOf,
  type Scope,
} from "./asks.ts";
import { columnsOf, type Columns } from "./charts/series.ts";
import { formatRoundDuration } from "./format.ts";
import { useAsk, useMedia, useTogether, type Asked } from "./hooks.ts";
import { filterError, link, seconds } from "./store.ts";

/** Once response times were seen, the layout stays: in a quiet log some spans have none. */
const hasSeenTimes = signal(false);

export interface PageData {
  scope: Scope;
  total: Asked;
  before: Asked;
  series: Asked;
  columns: Columns | null;
  ghost: Columns | null;
  shift: number;
  step: number;
  hasTimes: boolean;
  /** Whether it is known by now that the log has no response times. */
  hasNoTimes: boolean;
  /** "the 5 min before" */
  beforeText: string;
}

export function usePageData(isOn = true): PageData {
  const current = link.value;
  const isNarrow = useMedia("(max-width: 700px)");
  const columnCount = isNarrow ? 60 : 120;
  const scope = scopeOf(current, seconds.value);
  const shift = shiftOf(current.compare, scope.seconds);
  const isCompared = isOn && current.compare !== "none";
  const asked = [
    useAsk(isOn ? totalAsk(scope) : null, 0),
    useAsk(isOn ? totalAsk(scope, shift) : null, 2),
    useAsk(isOn ? seriesAsk(scope, columnCount) : null, 1),
    useAsk(isCompared ? seriesAsk(scope, columnCount, shift) : null, 3),
  ] as const;
  const parts = isCompared ? [...asked] : asked.slice(0, 3);
  const whole = useTogether(parts, JSON.stringify([scope, shift, columnCount, isCompared]));
  // What comes first is shown at once: only what is there already waits for the rest.
  const [total = asked[0], before = asked[1], series = asked[2], compared = asked[3]] =
    whole ?? asked;
  const step = stepOf(chartSeconds(scope), columnCount);
  // An old answer, shown until the new one comes, may have another step.
  const columns = useMemo(() => columnsOf(series.answer, stepIn(series, step)), [series.answer]);
  const ghost = useMemo(
    () => (compared.isOld ? null : columnsOf(compared.answer, step)),
    [compared.answer, compared.isOld],
  );
  // The answer to the filters before says nothing of those that are there now.
  const error = total.isOld || current.filters.length ? (total.answer?.error ?? "") : "";
  useLayoutEffect(() => {
    filterError.value = error;
  }, [error]);
  const timed = timedIn(total);
  useLayoutEffect(() => {
    if (timed) hasSeenTimes.value = true;
  }, [timed]);
  return {
    scope,
    total,
    before,
    series,
    columns,
    ghost,
    shift,
    step,
    hasTimes: hasSeenTimes.value || timed === true,
    hasNoTimes: !hasSeenTimes.value && timed === false,
    beforeText: comparisonText(current.compare, formatRoundDuration(scope.seconds)),
  };
}

function stepIn({ answer, isOld }: Asked, step: number): number {
  if (!answer || !isOld) return step;
  return (JSON.parse(answer.id) as { step?: number }).step ?? step;
}

function timedIn({ answer }: Asked): boolean | null {
  if (!answer || answer.error) return null;
  const { timed, p95, hits } = answer.total;
  if (p95 != null || (timed ?? 0) > 0) return true;
  return hits ? false : null;
}
