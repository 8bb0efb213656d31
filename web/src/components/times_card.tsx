// Response times over time: half, 95 % and 99 % of the responses were faster.

import type { Series } from "../charts/chart.tsx";
import { whole } from "../charts/series.ts";
import { QUANTILES } from "../asks.ts";
import { formatSeconds } from "../format.ts";
import { shadesOf } from "../incidents.ts";
import type { PageData } from "../page_data.ts";
import { snapshot } from "../store.ts";
import { AnswerNote, Card } from "./card.tsx";
import { compared } from "./traffic_card.tsx";
import { Legend, shownOf, TimeChart, unknownOf, type LegendItem } from "./time_chart.tsx";

export function TimesCard({ data, height }: { data: PageData; height: number }) {
  const { columns, ghost, series, shift, step, scope, total } = data;
  const items: Series[] = columns
    ? [...QUANTILES].reverse().map((name) => ({
        label: name,
        color: `--c-${name}`,
        kind: name === "p50" ? "area" : "line",
        unit: "seconds",
        values: whole(columns, columns.values[name] ?? []),
      }))
    : [];
  if (columns && ghost)
    items.push({
      label: "p95 before",
      color: "--c-ghost",
      kind: "ghost",
      unit: "seconds",
      values: compared(
        columns,
        ghost,
        ghost.values.p95 ?? [],
        shift,
        columns.until - scope.seconds,
      ),
    });
  const known = total.answer?.total ?? {};
  const about = total.answer && !total.answer.is_exact ? "≈ " : "";
  const values: LegendItem[] = QUANTILES.map((name) => ({
    label: name,
    color: `--c-${name}`,
    isLine: true,
    value: known[name] == null ? "" : about + formatSeconds(known[name]),
  }));
  if (ghost) values.push({ label: "p95 before", color: "--c-ghost", isLine: true });
  return (
    <Card
      id="times"
      title="Response times"
      looks="chart-card"
      tools={<Legend chart="times" items={values} />}
    >
      <AnswerNote error={series.answer?.error} />
      <div class={series.isOld ? "is-old" : ""}>
        <TimeChart
          label="Response times"
          summary={values.map((one) => `${one.label} ${one.value || "unknown"}`).join(", ")}
          x={columns?.x ?? null}
          error={series.answer?.error}
          step={columns?.step ?? step}
          series={shownOf("times", items)}
          height={height}
          unknown={unknownOf(columns)}
          shades={shadesOf(snapshot.value, columns?.x[0] ?? 0, columns?.until ?? 0)}
        />
      </div>
    </Card>
  );
}
