// Overview: figures, what stands out, traffic, incidents, response times, the tables people ask for.

import type { Heights } from "../app.tsx";
import type { PageData } from "../page_data.ts";
import { hello, link, snapshot } from "../store.ts";
import { endedAt, ongoingAt } from "../incidents.ts";
import { Card, Waiting } from "../components/card.tsx";
import { FailedCard } from "../components/failed_card.tsx";
import { Icon } from "../components/icons.tsx";
import { IncidentRow, PendingRow } from "../components/incident_list.tsx";
import { StandsOut } from "../components/stands_out.tsx";
import { TableCard, type TableSpec } from "../components/table_card.tsx";
import { TimesCard } from "../components/times_card.tsx";
import { TrafficCard } from "../components/traffic_card.tsx";
import { specsOf } from "./specs.ts";

const FIELDS = [
  "section",
  "path",
  "status",
  "host",
  "method",
  "user",
  "referrer",
  "agent",
  "browser",
  "bot",
  "vhost",
];
const MEASURES = ["hits", "5xx", "4xx", "p95", "bytes"];
/** Of a wall screen, which is read from afar. */
const WALL_MEASURES = ["hits", "5xx", "p95"];
const MOST_ENDED = 5;

/** With several logs, where the traffic is comes before what it is of. */
export function fieldsOf(logs: number, kept: string[]): string[] {
  const [section = "", path = "", ...others] = FIELDS;
  return [section, path, ...(logs > 1 ? ["source"] : []), ...others, ...kept];
}

export function Overview({ data, heights }: { data: PageData; heights: Heights }) {
  const { zoom, kiosk } = link.value;
  const kept = hello.value?.kept ?? [];
  const specs: TableSpec[] = specsOf(
    "overview",
    fieldsOf(hello.value?.sources.length ?? 0, kept),
    kiosk ? WALL_MEASURES : MEASURES,
  );
  const shownSpecs = kiosk ? specs.slice(0, 4) : specs;
  return (
    <>
      {!zoom && <StandsOut data={data} />}
      <div
        class={`grid top-grid ${data.hasTimes ? "" : "without-times"}`}
        style={{ "--top-height": `calc(${heights.main}px + 3.25rem)` }}
      >
        <TrafficCard data={data} height={heights.main} />
        {data.hasTimes && <TimesCard data={data} height={heights.small} />}
        <IncidentsCard />
      </div>
      <div class="grid tables">
        {shownSpecs.map((spec, i) => (
          <TableCard
            key={spec.key}
            spec={spec}
            scope={data.scope}
            hasTimes={data.hasTimes}
            rank={4 + i}
            rows={kiosk ? 8 : 10}
            hideEmpty={i > 3}
          />
        ))}
      </div>
      {!kiosk && <FailedCard data={data} />}
    </>
  );
}

function IncidentsCard() {
  const known = snapshot.value;
  const { until, kiosk } = link.value;
  const ongoing = ongoingAt(known, until);
  const pending = until === null ? (known?.alerts.pending ?? []) : [];
  const ended = endedAt(known, until).slice(0, Math.max(0, MOST_ENDED - ongoing.length));
  const now = until ?? known?.time ?? 0;
  return (
    <Card
      id="incidents"
      title="Incidents"
      note={ongoing.length ? <span class="count">{ongoing.length} active</span> : null}
      canZoom={false}
      looks="incidents-card"
    >
      {!known && <Waiting lines={3} />}
      {known && !ongoing.length && !pending.length && (
        <p class="all-well">
          <Icon name="check" /> No active incident{until === null ? "" : " at this time"}
        </p>
      )}
      <ul class="incidents" aria-label="Incidents">
        {ongoing.slice(0, kiosk ? 5 : 8).map((one) => (
          <IncidentRow key={one.incident} incident={one} now={now} hasButtons={false} />
        ))}
        {pending.slice(0, 3).map((one) => (
          <PendingRow key={`${one.rule}/${one.group}`} pending={one} now={known?.now ?? now} />
        ))}
        {ended.map((one) => (
          <IncidentRow key={one.incident} incident={one} now={now} hasButtons={false} />
        ))}
      </ul>
    </Card>
  );
}
