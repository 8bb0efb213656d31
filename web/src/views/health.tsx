// Health: the logs and how they are read, what could not be read, and the outputs.

import { AnswerNote, Card } from "../components/card.tsx";
import { Icon } from "../components/icons.tsx";
import { Text } from "../components/text.tsx";
import type { Health as HealthOf, SourceHealth } from "../contract.ts";
import {
  counted,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatShare,
  UNKNOWN,
} from "../format.ts";
import { useAsk } from "../hooks.ts";
import { narrowTo } from "../narrowing.ts";
import type { PageData } from "../page_data.ts";
import { answerRows, numberIn } from "../rows.ts";
import { localTimes } from "../sentences.ts";
import { clockNear } from "../spans.ts";
import { hello, link, snapshot, utc } from "../store.ts";

export function Health({ data }: { data: PageData }) {
  const known = snapshot.value;
  const { answer } = useAsk(
    {
      seconds: data.scope.seconds,
      until: data.scope.until,
      by: ["source"],
      measures: ["hits", "5xx", "last_seen"],
      limit: 1000,
    },
    2,
  );
  if (!known) return null;
  const { health, troubles } = known;
  const rows = new Map(answerRows(answer).map((row) => [String(row.source), row]));
  const span = answer?.known || data.scope.seconds;
  return (
    <div class="grid">
      <Card
        id="problems"
        title="Problems"
        note={troubles.length ? <span class="count">{troubles.length}</span> : null}
        canZoom={false}
      >
        {troubles.length ? (
          <ul class="troubles-list">
            {troubles.map((text) => (
              <li key={text}>
                <Icon name="errors" /> <Text value={localTimes(text, known.now, utc.value)} />
              </li>
            ))}
          </ul>
        ) : (
          <p class="all-well">
            <Icon name="check" /> GlanceMetrics is well
          </p>
        )}
        {health.agents_text && !troubles.includes(health.agents_text) && (
          <p class="all-well">
            <Text value={health.agents_text} />
          </p>
        )}
      </Card>
      <Reading health={health} />
      <Card
        id="sources"
        title={health.sources.length === 1 ? "Log" : "Logs"}
        note={<span class="count">{formatCount(health.sources.length)}</span>}
        canZoom={false}
      >
        <AnswerNote error={answer?.error} />
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of logs">
          <table class="table sources">
            <caption class="visually-hidden">Logs and how they are read</caption>
            <thead>
              <tr>
                <th scope="col">Log</th>
                <th scope="col">State</th>
                <th scope="col">Format</th>
                <th scope="col" class="number">
                  Requests/s
                </th>
                <th scope="col" class="number">
                  5xx
                </th>
                <th scope="col" class="number">
                  Not read
                </th>
                <th scope="col" class="number">
                  Unparsed
                </th>
                <th scope="col">Last request</th>
              </tr>
            </thead>
            <tbody>
              {health.sources.map((source) => {
                const row =
                  rows.get(source.name) ??
                  (health.sources.length === 1 ? answerRows(answer)[0] : undefined) ??
                  {};
                const hits = numberIn(row, "hits");
                const failed = numberIn(row, "5xx");
                return (
                  <tr key={source.name} class="row">
                    <th scope="row">
                      <button
                        type="button"
                        class="value"
                        title="Only this log"
                        onClick={() => narrowTo("source", source.name)}
                      >
                        <Text value={source.name === "-" ? "standard input" : source.name} />
                      </button>
                    </th>
                    <td>
                      <SourceState source={source} />
                    </td>
                    <td>{source.format ? <Text value={source.format} /> : "detecting…"}</td>
                    <td class="number">{formatRate(hits === null ? null : hits / span)}</td>
                    <td class="number">
                      {hits && failed !== null ? formatShare(failed / hits) : UNKNOWN}
                    </td>
                    <td class="number">{formatBytes(source.lag_bytes)}</td>
                    <td class={`number ${source.unparsed ? "noticed" : ""}`}>
                      {formatCount(source.unparsed)}
                    </td>
                    <td>{lastText(source, known.time, numberIn(row, "last_seen"))}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </Card>
      <Outputs health={health} />
      <Rejects health={health} />
      <p class="about-monitor">
        GlanceMetrics {hello.value?.version}, up{" "}
        {formatDuration(Math.max(0, known.time - (hello.value?.started_at ?? known.time)))}
        {hello.value?.note ? ` · ${hello.value.note}` : ""}
        {hello.value?.anonymized ? " · addresses are anonymized" : ""}
      </p>
    </div>
  );
}

function lastText(source: SourceHealth, now: number, seen: number | null): string {
  const last = source.last_record ?? seen;
  const time = typeof last === "string" ? Date.parse(last) / 1000 : last;
  return time === null || Number.isNaN(time) ? UNKNOWN : clockNear(time, now, utc.value);
}

const FINE = new Set(["following", "ended", "reading"]);

function SourceState({ source }: { source: SourceHealth }) {
  const isFine = FINE.has(source.state) && source.opened !== false && !source.behind;
  return (
    <>
      <span class={`state ${isFine ? "fine" : "trouble"}`}>
        <Icon name={isFine ? "check" : "errors"} /> {source.state}
      </span>
      {source.detail && (
        <span class="dim">
          {" "}
          <Text value={source.detail} />
        </span>
      )}
      {source.note && <span class="dim"> {source.note}</span>}
      {source.behind !== 0 && source.behind != null && (
        <span class="dim"> clock differs by {formatDuration(Math.abs(source.behind))}</span>
      )}
    </>
  );
}

function Reading({ health }: { health: HealthOf }) {
  const memory = health.memory === null ? UNKNOWN : formatBytes(health.memory);
  const facts: [string, string, string][] = [
    ["Lines", formatCount(health.lines), "read from the logs"],
    ["Requests", formatCount(health.records), "parsed and counted"],
    ["Rejected", formatCount(health.rejects), "lines that could not be parsed"],
    ["Foreign", formatCount(health.foreign), "lines of other programs"],
    ["Damaged", formatCount(health.damaged), "lines with broken parts"],
    ["Filtered out", formatCount(health.filtered), "left out by the monitor's own filter"],
    ["Late", formatCount(health.late), "too old for any window"],
    ["Early", formatCount(health.early), "dated in the future"],
    [
      "Lag",
      health.lag_bytes ? `${formatBytes(health.lag_bytes)}` : "0 B",
      health.lag_seconds
        ? `${formatDuration(health.lag_seconds)} behind`
        : "not read yet",
    ],
    [
      "Delay",
      health.delay === null ? UNKNOWN : formatDuration(health.delay),
      "from the log's time to now",
    ],
    [
      "Memory",
      memory,
      health.memory_limit === null ? "no limit" : `of ${formatBytes(health.memory_limit)}`,
    ],
    ["Gaps", formatCount(health.gaps), health.last_gap || "parts of the logs not counted"],
  ];
  return (
    <Card id="reading" title="Reading" canZoom={false}>
      <dl class="facts large">
        {facts.map(([name, value, about]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {value}
              <span>
                <Text value={about} />
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Outputs({ health }: { health: HealthOf }) {
  if (!health.outputs.length) return null;
  return (
    <Card
      id="outputs"
      title="Outputs"
      note={<span class="count">{health.outputs.length}</span>}
      canZoom={false}
    >
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of outputs">
        <table class="table">
          <caption class="visually-hidden">Outputs</caption>
          <thead>
            <tr>
              <th scope="col">Output</th>
              <th scope="col">State</th>
              <th scope="col">Detail</th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col" class="number">
                Lost
              </th>
              <th scope="col" class="number">
                Restarts
              </th>
            </tr>
          </thead>
          <tbody>
            {health.outputs.map((output) => {
              const isBad = output.state === "retrying";
              return (
                <tr key={output.name} class="row">
                  <th scope="row">
                    <Text value={output.name} />
                  </th>
                  <td>
                    <span class={`state ${isBad ? "trouble" : "fine"}`}>
                      <Icon name={isBad ? "errors" : "check"} />{" "}
                      {isBad ? "fails, retrying" : output.state}
                    </span>
                  </td>
                  <td>{output.detail && <Text value={output.detail} />}</td>
                  <td class="number">{formatCount(output.waiting)}</td>
                  <td class={`number ${output.lost ? "bad" : ""}`}>{formatCount(output.lost)}</td>
                  <td class="number">{formatCount(output.restarts)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Rejects({ health }: { health: HealthOf }) {
  const samples = health.reject_samples;
  if (!samples.length || link.value.kiosk) return null;
  return (
    <Card
      id="rejects"
      title="Lines that could not be parsed"
      note={`newest of ${counted(health.rejects, "line")}`}
      canZoom={false}
    >
      <ul class="rejects">
        {[...samples]
          .reverse()
          .slice(0, 20)
          .map((sample, i) => (
            <li key={i}>
              <span class="reason">
                {sample.source ? (
                  <>
                    <Text value={sample.source} />:{" "}
                  </>
                ) : null}
                <Text value={sample.reason ?? ""} />
              </span>
              <pre class="raw" tabIndex={0}>
                <Text value={sample.line ?? ""} />
              </pre>
            </li>
          ))}
      </ul>
    </Card>
  );
}
