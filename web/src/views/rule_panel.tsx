// The chosen incident or rule: its chart with the limit and its incidents shaded; what failed then.

import { chartSeconds, stepOf, tableAsk } from "../asks.ts";
import type { Series } from "../charts/chart.tsx";
import {
  columnsOf,
  divided,
  lengthsOf,
  unknownSpans,
  whole,
  type Columns,
  type Values,
} from "../charts/series.ts";
import { Card, AnswerNote, Waiting } from "../components/card.tsx";
import { Icon } from "../components/icons.tsx";
import { Text } from "../components/text.tsx";
import { TimeChart } from "../components/time_chart.tsx";
import type { Ask, Filter, Incident, Rule, RuleChart } from "../contract.ts";
import { formatCount, formatRoundDuration, formatUnit } from "../format.ts";
import { useAsk } from "../hooks.ts";
import {
  failingIn,
  latestText,
  recoveryText,
  shadesOf,
  spanOf,
  worstValueText,
} from "../incidents.ts";
import { askedFilters, withFilter, type Link } from "../link.ts";
import type { PageData } from "../page_data.ts";
import { answerRows, numberIn } from "../rows.ts";
import { clockNear } from "../spans.ts";
import { go, isLive, link, newest, seconds, snapshot, utc } from "../store.ts";
import type { Chosen } from "./alerts.tsx";

const COLUMNS = 120;

/** The filters that a rule adds: what it counts, and the value of its group. */
export function ruleFilters(rule: Rule | undefined, group: string | null): Filter[] {
  const found: Filter[] = [];
  if (rule?.where) found.push({ where: rule.where, label: `rule ${rule.title}` });
  if (rule?.by && group !== null) found.push({ field: rule.by, value: group });
  return found;
}

/** A rule's values over time, out of the measures that its chart asks for. */
export function ruleValues(chart: RuleChart, columns: Columns): Values {
  const [first = "", second = ""] = chart.measures;
  const values = columns.values[first] ?? columns.x.map(() => null);
  if (chart.kind === "ratio") return divided(values, columns.values[second] ?? []);
  if (chart.kind === "per_second") {
    const lengths = lengthsOf(columns);
    return values.map((value, i) => (value === null ? null : value / (lengths[i] ?? 1)));
  }
  return values;
}

/** Where the limit stands in the chart: a count over the rule's window is one of another length. */
export function limitIn(rule: Rule, step: number): number | null {
  // A limit that is a multiple of an earlier value is no line.
  if (rule.threshold === null || !rule.has_limit) return null;
  return rule.chart?.kind === "count"
    ? (rule.threshold * step) / Math.max(1, rule.window)
    : rule.threshold;
}

/** The span of an incident's chart: as much before it as it lasted, at least ten minutes in all. */
function spanShown(
  incident: Incident | null,
  now: number,
): { seconds: number; until: number | null } {
  if (!incident) {
    const { until } = link.value;
    return { seconds: chartSeconds({ seconds: seconds.value, until }), until };
  }
  const { seconds: length, until } = spanOf(incident, now, isLive.value);
  const wanted = Math.max(600, 2 * length);
  // The length changes each second while it lasts: rounded up, so that the question stays the same.
  const rounded =
    [600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10_800, 21_600, 43_200, 86_400].find(
      (one) => one >= wanted,
    ) ?? 604_800;
  const end =
    until === null || incident.recovered_at === null
      ? until
      : Math.min(Math.floor(newest.value), until + Math.floor((rounded - length) / 3));
  return { seconds: rounded, until: end };
}

/** The link to the requests that an incident is about, at its time. */
export function trafficOf(
  current: Link,
  rule: Rule | undefined,
  incident: Incident | null,
  now: number,
): Partial<Link> {
  let next: Link = incident ? { ...current, filters: [] } : current;
  for (const filter of ruleFilters(rule, incident?.group ?? null)) next = withFilter(next, filter);
  const failing = incident ? failingIn(rule) : null;
  if (failing) next = withFilter(next, { where: failing });
  const span = incident ? spanOf(incident, now, current.until === null) : null;
  return {
    view: failing ? "errors" : "overview",
    filters: next.filters,
    zoom: null,
    chosen: null,
    paused: false,
    ...(span ? { window: span.seconds, until: span.until } : {}),
  };
}

export function RulePanel({ chosen, now, data }: { chosen: Chosen; now: number; data: PageData }) {
  const { rule, incident } = chosen;
  const group = incident?.group ?? null;
  const chart = rule?.chart ?? null;
  const span = spanShown(incident, now);
  const step = stepOf(span.seconds, COLUMNS);
  const ask: Ask | null =
    rule && chart
      ? {
          seconds: span.seconds,
          until: span.until,
          filters: askedFilters(ruleFilters(rule, group)),
          measures: chart.measures,
          step,
        }
      : null;
  const { answer, isOld } = useAsk(ask, 1);
  if (!rule && !incident)
    return (
      <Card id="rule" title="Rule" canZoom={false}>
        <p class="empty">No rules.</p>
      </Card>
    );
  const recovery = incident ? recoveryText(incident, rule, now) : "";
  const title = incident?.title ?? rule?.title ?? "";
  const columns = isOld ? null : columnsOf(answer, step);
  const isWatched = !rule?.by || group !== null;
  const limit = rule && isWatched ? limitIn(rule, columns?.step ?? step) : null;
  const series: Series[] =
    chart && columns
      ? [
          {
            label: title,
            color: chart.measures[0] === "5xx" ? "--c-5xx" : "--c-2xx",
            kind: chart.kind === "count" ? "stack" : "area",
            unit: chart.unit,
            values:
              chart.kind === "count"
                ? ruleValues(chart, columns)
                : whole(columns, ruleValues(chart, columns)),
          },
        ]
      : [];
  return (
    <div class="stack rule-panel">
      <Card
        id="rule-chart"
        title={title}
        looks="chart-card"
        canZoom={false}
        note={
          rule?.by && group === null ? (
            `all requests; the limit is for each ${rule.by}`
          ) : group === null ? (
            ""
          ) : (
            <Text value={`${incident?.by ?? ""} ${group}`} />
          )
        }
        tools={
          <button
            type="button"
            class="show-traffic"
            onClick={() => go(trafficOf(link.value, rule, incident, now))}
          >
            Show its requests <Icon name="right" />
          </button>
        }
      >
        {incident?.hint && (
          <p class="hint">{incident.hint.charAt(0).toUpperCase() + incident.hint.slice(1)}</p>
        )}
        {recovery && (
          <p class="hint recovering">
            Now {recovery}
            {incident?.closes_at != null && " if it stays so"}.
          </p>
        )}
        {incident && <Facts incident={incident} rule={rule} now={now} />}
        <AnswerNote error={answer?.error} missing={answer?.missing} />
        {chart === null ? (
          <p class="empty">
            No chart:{" "}
            {rule ? `${rule.metric} is not kept over time.` : "the rule has been removed."}
          </p>
        ) : columns ? (
          <TimeChart
            label={`${title} over time`}
            summary={limit === null ? "" : `The limit is ${formatUnit(chart.unit, limit)}.`}
            x={columns.x}
            step={columns.step}
            series={series}
            height={260}
            unknown={unknownSpans(columns, Object.values(columns.values))}
            shades={shadesOf(snapshot.value, columns.x[0] ?? 0, columns.until, rule?.name, group)}
            limit={
              limit === null ? null : { value: limit, label: rule?.bound || "limit", always: true }
            }
          />
        ) : (
          <Waiting lines={7} error={answer?.error} />
        )}
      </Card>
      {incident && (
        <FailedThen incident={incident} rule={rule} now={now} hasTimes={data.hasTimes} />
      )}
    </div>
  );
}

function Facts({
  incident,
  rule,
  now,
}: {
  incident: Incident;
  rule: Rule | undefined;
  now: number;
}) {
  const [worst = "", ...value] = worstValueText(incident).split(" ");
  const facts: [string, string][] = [
    ["Began", clockNear(incident.triggered_at, now, utc.value)],
    [
      incident.recovered_at !== null ? "Lasted" : isLive.value ? "Lasts" : "By then",
      formatRoundDuration(
        Math.max(0, Math.floor((incident.recovered_at ?? now) - incident.triggered_at)),
      ),
    ],
    ...(worst
      ? [[worst.charAt(0).toUpperCase() + worst.slice(1), value.join(" ")] as [string, string]]
      : []),
    ["Limit", incident.bound.replace(/^limit /, "") || "–"],
  ];
  if (incident.latest !== null && incident.recovered_at === null)
    facts.splice(2, 0, ["Now", latestText(incident, rule)]);
  if (incident.window) facts.push(["Window", formatRoundDuration(incident.window)]);
  if (rule) facts.push(["Severity", incident.severity]);
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function FailedThen({
  incident,
  rule,
  now,
}: {
  incident: Incident;
  rule: Rule | undefined;
  now: number;
  hasTimes: boolean;
}) {
  const { seconds: length, until } = spanOf(incident, now, isLive.value);
  const failing = failingIn(rule);
  const scope = {
    seconds: until === null ? Math.ceil(length / 60) * 60 : length,
    until,
    filters: ruleFilters(rule, incident.group),
  };
  const measure = failing?.includes("400") ? "4xx" : "5xx";
  const ask = tableAsk(scope, {
    by: ["path"],
    measures: ["hits", "4xx", "5xx"],
    order: failing ? measure : null,
    ascending: false,
    limit: 8,
  });
  const { answer, isOld } = useAsk(ask, 3);
  const rows = answerRows(answer).filter((row) => !failing || numberIn(row, measure));
  const most = Math.max(1, ...rows.map((row) => numberIn(row, failing ? measure : "hits") ?? 0));
  return (
    <Card
      id="failed-then"
      title={failing ? "What failed then" : "Top paths then"}
      note="paths during this incident"
      canZoom={false}
    >
      <AnswerNote error={answer?.error} missing={answer?.missing} />
      {answer === null || answer.error ? (
        <Waiting lines={6} error={answer?.error} />
      ) : rows.length ? (
        <div class={`scroll ${isOld ? "is-old" : ""}`}>
          <table class="table top-table">
            <caption class="visually-hidden">Paths during this incident</caption>
            <thead>
              <tr>
                <th scope="col">Path</th>
                <th scope="col" class="number">
                  Requests
                </th>
                <th scope="col" class="number">
                  4xx
                </th>
                <th scope="col" class="number">
                  5xx
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr class="row" key={String(row.path)}>
                  <th scope="row" class="name">
                    <span
                      class={failing ? "bar bad" : "bar"}
                      style={{
                        transform: `scaleX(${(numberIn(row, failing ? measure : "hits") ?? 0) / most})`,
                      }}
                    />
                    <span class="name-line">
                      <button
                        type="button"
                        class="value"
                        onClick={() => {
                          const next = {
                            ...link.value,
                            ...trafficOf(link.value, rule, incident, now),
                          };
                          go(
                            row.path == null
                              ? next
                              : withFilter(next, { field: "path", value: String(row.path) }),
                          );
                        }}
                      >
                        <Text value={row.path} isUrl />
                      </button>
                    </span>
                  </th>
                  <td class="number">{formatCount(numberIn(row, "hits"))}</td>
                  <td class="number">{formatCount(numberIn(row, "4xx"))}</td>
                  <td class="number">{formatCount(numberIn(row, "5xx"))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="empty">No requests of that time are known.</p>
      )}
    </Card>
  );
}
