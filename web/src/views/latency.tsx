// Latency: quantiles over time, how response times are distributed, the slowest routes.

import { scopeOf, chartSeconds, stepOf } from "../asks.ts";
import { HeatMap } from "../charts/heat_map.tsx";
import { askedFilters } from "../link.ts";
import { columnsOf } from "../charts/series.ts";
import { AnswerNote, Card, Waiting } from "../components/card.tsx";
import { Icon } from "../components/icons.tsx";
import { TimesCard } from "../components/times_card.tsx";
import { useAsk } from "../hooks.ts";
import type { Heights } from "../app.tsx";
import type { PageData } from "../page_data.ts";
import { link, seconds, utc } from "../store.ts";
import { specsOf } from "./specs.ts";
import { Tables } from "./tables.tsx";
import { goTo } from "../components/time_chart.tsx";

const BOUNDS = ["1ms", "3ms", "10ms", "30ms", "100ms", "300ms", "1s", "3s", "10s", "30s"];
const FIELDS = ["route", "path", "section", "host", "status", "method"];
const COLUMNS = 60;

export function Latency({ data, heights }: { data: PageData; heights: Heights }) {
  if (data.hasNoTimes) {
    return (
      <>
        <section class="card message" aria-label="No response times">
          <Icon name="latency" />
          <div>
            <h2>This log has no response times</h2>
            <p>
              Add them to the log format of your server and they appear here:{" "}
              <code>$request_time</code> in nginx&apos;s <code>log_format</code>, <code>%D</code> in
              Apache&apos;s <code>LogFormat</code>.
            </p>
          </div>
        </section>
        <Tables
          specs={specsOf("latency", FIELDS, ["hits", "5xx", "4xx", "bytes"])}
          data={data}
          rows={12}
        />
      </>
    );
  }
  const specs = specsOf(
    "latency",
    FIELDS,
    ["total_time", "p95", "p50", "p99", "hits", "5xx"],
    "total_time",
  ).map((spec) => ({
    ...spec,
    title: `${spec.title} by total time`,
  }));
  return (
    <>
      <div class="grid halves">
        <TimesCard data={data} height={heights.main} />
        <Distribution height={heights.main} />
      </div>
      <Tables specs={specs} data={data} rows={12} wallRows={8} isWide />
    </>
  );
}

function Distribution({ height }: { height: number }) {
  const scope = scopeOf(link.value, seconds.value);
  const span = chartSeconds(scope);
  const step = stepOf(span, COLUMNS);
  const { answer, isOld } = useAsk(
    {
      seconds: span,
      until: scope.until,
      filters: askedFilters(scope.filters),
      measures: [...BOUNDS.map((bound) => `under_${bound}`), "timed"],
      step,
    },
    3,
  );
  const columns = isOld ? null : columnsOf(answer, step);
  return (
    <Card
      id="distribution"
      title="Distribution"
      looks="chart-card"
      note="requests by response time; stronger is more"
    >
      <AnswerNote error={answer?.error} />
      {columns ? (
        <HeatMap
          columns={columns}
          bounds={BOUNDS}
          height={height}
          utc={utc.value}
          onPick={(time) => goTo(time, columns.step)}
        />
      ) : (
        <Waiting lines={8} error={answer?.error} />
      )}
    </Card>
  );
}
