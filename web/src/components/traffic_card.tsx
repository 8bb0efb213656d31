// The main chart: requests per second by status class, the share of errors as a line, incidents.

import { CLASSES } from "../asks.ts";
import type { Series } from "../charts/chart.tsx";
import {
  average,
  divided,
  laidOver,
  largest,
  perSecond,
  summed,
  whole,
  type Columns,
  type Values,
} from "../charts/series.ts";
import type { Rule } from "../contract.ts";
import { formatDuration, formatRate, formatShare } from "../format.ts";
import { shadesOf } from "../incidents.ts";
import type { PageData } from "../page_data.ts";
import { hello, link, snapshot } from "../store.ts";
import { AnswerNote, Card, Missing } from "./card.tsx";
import { Legend, shownOf, TimeChart, unknownOf } from "./time_chart.tsx";

const SHOWN = ["2xx", "3xx", "4xx", "5xx"];

/** Values of the time before, under the span that is compared. */
export function compared(
  columns: Columns,
  ghost: Columns,
  values: Values,
  shift: number,
  since: number,
): Values {
  // A chart is longer than a window of seconds, whose span before lies in the chart itself.
  return laidOver(columns, ghost, values, shift).map((value, i) =>
    (columns.x[i] ?? 0) + columns.step > since ? value : null,
  );
}

export function trafficSeries(
  columns: Columns,
  ghost: Columns | null,
  shift: number,
  names: readonly string[] = CLASSES,
  since = 0,
): Series[] {
  const rates = names.map((name) => [name, perSecond(columns, name)] as const);
  const found: Series[] = rates
    .filter(([name, values]) => SHOWN.includes(name) || values.some((value) => value))
    .map(([name, values]) => ({
      label: name,
      color: `--c-${name}`,
      kind: "stack",
      unit: "rate",
      values,
    }));
  if (ghost) {
    const values = summed(CLASSES.map((name) => perSecond(ghost, name)));
    found.push({
      label: "before",
      color: "--c-ghost",
      kind: "ghost",
      unit: "rate",
      values: compared(columns, ghost, values, shift, since),
    });
  }
  return found;
}

export function errorShare(columns: Columns): Values {
  const all = summed(CLASSES.map((name) => columns.values[name] ?? []));
  return whole(columns, divided(columns.values["5xx"] ?? [], all));
}

/** The limit of the rule on all requests per second, if there is one. */
function trafficLimit(rules: Rule[]): { value: number; label: string } | null {
  const rule = rules.find(
    (one) => one.metric === "rate" && one.above && !one.where && !one.by && one.threshold !== null,
  );
  return rule?.threshold == null
    ? null
    : { value: rule.threshold, label: `${rule.title}: limit ${formatRate(rule.threshold)}/s` };
}

export function TrafficCard({ data, height }: { data: PageData; height: number }) {
  const { columns, series, ghost, shift, step, scope, beforeText } = data;
  const all = columns ? summed(CLASSES.map((name) => perSecond(columns, name))) : [];
  const share = columns ? errorShare(columns) : [];
  const items: Series[] = columns
    ? [
        ...trafficSeries(columns, ghost, shift, CLASSES, columns.until - scope.seconds),
        {
          label: "5xx share",
          color: "--c-error-line",
          kind: "line",
          side: "right",
          unit: "share",
          values: share,
        },
      ]
    : [];
  const since = columns?.x[0] ?? 0;
  const until = columns?.until ?? 0;
  const summary = columns
    ? `Average ${formatRate(average(all))} per second, peak ${formatRate(largest(all))} per second; highest share of server errors ${formatShare(largest(share))}.`
    : "";
  const isPart = columns !== null && until - since > 1.5 * scope.seconds;
  return (
    <Card
      id="traffic"
      title="Requests per second"
      looks="chart-card"
      note={<Missing text={series.answer?.missing} />}
      tools={
        <Legend
          chart="traffic"
          items={[
            ...items
              .filter((one) => one.kind === "stack")
              .map((one) => ({ label: one.label, color: one.color })),
            { label: "5xx share", color: "--c-error-line", isLine: true },
            ...(ghost
              ? [{ label: beforeText, name: "before", color: "--c-ghost", isLine: true }]
              : []),
          ]}
        />
      }
    >
      <AnswerNote error={series.answer?.error} />
      <div class={series.isOld ? "is-old" : ""}>
        <TimeChart
          label="Requests per second by status class"
          summary={summary}
          x={columns?.x ?? null}
          error={series.answer?.error}
          step={columns?.step ?? step}
          series={shownOf("traffic", items)}
          unknown={unknownOf(columns)}
          height={height}
          shades={shadesOf(snapshot.value, since, until)}
          limit={link.value.filters.length ? null : trafficLimit(hello.value?.rules ?? [])}
          span={isPart ? [until - scope.seconds, until] : null}
        />
      </div>
      {columns && (
        <p class="visually-hidden">{`Chart of ${formatDuration(until - since)}. ${summary}`}</p>
      )}
    </Card>
  );
}
