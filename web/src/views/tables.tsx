// URLs, Clients and Errors: the main chart and their tables.

import { CLASSES } from "../asks.ts";
import type { Series } from "../charts/chart.tsx";
import { perSecond, summed, whole } from "../charts/series.ts";
import { Card, AnswerNote, Missing } from "../components/card.tsx";
import { FailedCard } from "../components/failed_card.tsx";
import { TableCard, type TableSpec } from "../components/table_card.tsx";
import { Legend, shownOf, TimeChart, unknownOf } from "../components/time_chart.tsx";
import { errorShare, TrafficCard } from "../components/traffic_card.tsx";
import { formatRate } from "../format.ts";
import { average, largest } from "../charts/series.ts";
import { shadesOf } from "../incidents.ts";
import type { Heights } from "../app.tsx";
import type { PageData } from "../page_data.ts";
import { hello, link, snapshot } from "../store.ts";
import { specsOf } from "./specs.ts";

interface Props {
  data: PageData;
  heights: Heights;
}

const URL_FIELDS = [
  "route",
  "path",
  "section",
  "method",
  "vhost",
  "referring_site",
  "referrer",
  "protocol",
];
const CLIENT_FIELDS = ["host", "network", "browser", "bot", "os", "device", "user", "agent"];

export function Urls({ data, heights }: Props) {
  const kept = hello.value?.kept ?? [];
  const specs = [
    ...specsOf("urls", URL_FIELDS, ["hits", "5xx", "4xx", "p95", "visitors", "bytes"]),
    ...specsOf("urls", kept, ["hits", "5xx", "4xx", "bytes"]),
  ];
  return (
    <>
      <div class="grid">
        <TrafficCard data={data} height={heights.side} />
      </div>
      <Tables specs={specs} data={data} rows={15} isWide />
    </>
  );
}

export function Clients({ data, heights }: Props) {
  const { columns, series } = data;
  const items: Series[] = columns
    ? [
        {
          label: "Requests",
          color: "--c-2xx",
          kind: "area",
          unit: "rate",
          values: whole(columns, summed(CLASSES.map((name) => perSecond(columns, name)))),
        },
      ]
    : [];
  const visitors: Series[] = columns
    ? [
        {
          label: "Visitors",
          color: "--c-visitors",
          kind: "area",
          unit: "count",
          values: whole(columns, columns.values.visitors ?? [], 1),
        },
      ]
    : [];
  const shades = shadesOf(snapshot.value, columns?.x[0] ?? 0, columns?.until ?? 0);
  const common = {
    x: columns?.x ?? null,
    error: series.answer?.error,
    step: columns?.step ?? data.step,
    height: heights.side,
    shades,
    // The column of right now is not drawn before it is whole, but it is not unknown.
    unknown: unknownOf(columns),
  };
  return (
    <>
      <div class="grid halves">
        <Card
          id="visitors"
          title="Visitors"
          looks="chart-card"
          note={<Missing text={series.answer?.missing} />}
        >
          <AnswerNote error={series.answer?.error} />
          <TimeChart
            {...common}
            label="Visitors"
            series={visitors}
            summary={`At most ${largest(columns?.values.visitors ?? [])} client addresses in a column.`}
          />
        </Card>
        <Card id="client-requests" title="Requests per second" looks="chart-card">
          <TimeChart
            {...common}
            label="Requests per second"
            series={items}
            summary={`Average ${formatRate(average(items[0]?.values ?? []))} per second.`}
          />
        </Card>
      </div>
      <Tables
        specs={specsOf("clients", CLIENT_FIELDS, ["hits", "5xx", "4xx", "bytes"])}
        data={data}
        rows={15}
      />
    </>
  );
}

const FAILED = "status >= 400";

function failing(title: string, ...by: string[]): TableSpec {
  return {
    key: `errors/${by.join("-")}`,
    title,
    by,
    where: FAILED,
    measures: ["hits", "visitors", "p95", "last_seen"],
  };
}

const ERROR_SPECS = [
  failing("Failing URLs", "status", "path"),
  failing("Failing routes", "status", "route"),
  failing("Statuses", "status"),
  failing("Clients with errors", "host"),
  failing("Failing virtual hosts", "status", "vhost"),
  failing("Referrers of errors", "referrer"),
];

export function Errors({ data, heights }: Props) {
  const { columns, series } = data;
  const items: Series[] = columns
    ? [
        ...["4xx", "5xx"].map((name): Series => ({
          label: name,
          color: `--c-${name}`,
          kind: "stack",
          unit: "rate",
          values: perSecond(columns, name),
        })),
        {
          label: "5xx share",
          color: "--c-error-line",
          kind: "line",
          side: "right",
          unit: "share",
          values: errorShare(columns),
        },
      ]
    : [];
  return (
    <>
      <div class="grid">
        <Card
          id="errors-chart"
          title="Errors per second"
          looks="chart-card"
          note={<Missing text={series.answer?.missing} />}
          tools={
            <Legend
              chart="errors"
              items={items.map((one) => ({
                label: one.label,
                color: one.color,
                isLine: one.kind === "line",
              }))}
            />
          }
        >
          <AnswerNote error={series.answer?.error} />
          <TimeChart
            label="Errors per second"
            summary={`Server errors at most ${formatRate(largest(items[1]?.values ?? []))} per second, client errors at most ${formatRate(largest(items[0]?.values ?? []))} per second.`}
            x={columns?.x ?? null}
            error={series.answer?.error}
            step={columns?.step ?? data.step}
            series={shownOf("errors", items)}
            unknown={unknownOf(columns)}
            height={heights.side}
            shades={shadesOf(snapshot.value, columns?.x[0] ?? 0, columns?.until ?? 0)}
          />
        </Card>
      </div>
      <Tables
        specs={ERROR_SPECS}
        data={data}
        rows={12}
        isWide
        empty="No request failed in this span."
      />
      {!link.value.kiosk && <FailedCard data={data} />}
    </>
  );
}

export function Tables({
  specs,
  data,
  rows,
  empty,
  isWide = false,
  wallRows = 12,
}: {
  specs: TableSpec[];
  data: PageData;
  rows: number;
  empty?: string;
  /** Fewer tables beside each other: for long names, or many columns. */
  isWide?: boolean;
  /** As many as fit on a wall screen. */
  wallRows?: number;
}) {
  // A wall screen cannot be scrolled: the first tables, as many as fit.
  const { kiosk } = link.value;
  return (
    <div class={`grid tables ${isWide && !kiosk ? "wide" : ""}`}>
      {(kiosk ? specs.slice(0, 4) : specs).map((spec, i) => (
        <TableCard
          key={spec.key}
          spec={spec}
          scope={data.scope}
          hasTimes={data.hasTimes}
          rank={4 + i}
          rows={kiosk ? wallRows : rows}
          hideEmpty={i > 2}
          {...(empty ? { empty } : {})}
        />
      ))}
    </div>
  );
}
