// Incidents as rows: severity in words and by a mark, what happened, for how long; what can be done.

import { patternOf, acknowledge, ApiError, unacknowledge, unsilence } from "../api.ts";
import type { Incident, Pending } from "../contract.ts";
import { formatDuration, formatRoundDuration } from "../format.ts";
import { go, hello, isAdmin, isLive, link, snapshot, tell, utc } from "../store.ts";
import { clockNear } from "../spans.ts";
import { isOverAt, latestText, recoveryText, worstValueText } from "../incidents.ts";
import { localTimes } from "../sentences.ts";
import { openSilence } from "../overlays.ts";
import { Icon } from "./icons.tsx";
import { Text } from "./text.tsx";

/** Does something at the server, and says so if that fails. */
export async function attempt(doing: Promise<unknown>, done: string): Promise<void> {
  try {
    await doing;
    tell(done);
  } catch (error) {
    tell(error instanceof ApiError ? error.message : "The request failed", true);
  }
}

export function toggleAcknowledged(incident: Incident): void {
  if (incident.acknowledged_at === null)
    void attempt(acknowledge(incident.incident), `Acknowledged: ${incident.title}`);
  else void attempt(unacknowledge(incident.incident), `No longer acknowledged: ${incident.title}`);
}

export function Severity({ severity }: { severity: string }) {
  return <span class={`severity ${severity}`}>{severity}</span>;
}

/** The rule and its group: what was the matter; the numbers of a past incident stand below. */
export function titleOfIncident(incident: Incident): string {
  return incident.group === null ? incident.title : `${incident.title} ${incident.group}`;
}

interface Props {
  incident: Incident;
  /** Now, in the server's time. */
  now: number;
  isChosen?: boolean;
  hasButtons?: boolean;
}

export function IncidentRow({ incident, now, isChosen = false, hasButtons = true }: Props) {
  const rule = hello.value?.rules.find((one) => one.name === incident.rule);
  // At a time in the past it may not have been over yet.
  const isOver = isOverAt(incident, now);
  const lasted = isOver
    ? (incident.duration ?? (incident.recovered_at ?? now) - incident.triggered_at)
    : now - incident.triggered_at;
  // Silences are those of now.
  const silenced = isLive.value
    ? snapshot.value?.silences.find((one) =>
        [incident.title, incident.rule].some((name) => one.pattern === patternOf(name)),
      )
    : undefined;
  const worst = worstValueText(incident);
  const recovery = recoveryText(incident, rule, now);
  const until = incident.silenced_until ?? silenced?.until ?? null;
  return (
    <li class={`incident ${isOver ? "over" : incident.severity} ${isChosen ? "chosen" : ""}`}>
      <button
        type="button"
        class="incident-main"
        aria-pressed={isChosen}
        onClick={() => go({ view: "alerts", chosen: incident.incident, zoom: null })}
      >
        <span class="incident-head">
          {isOver && incident.expired ? (
            <span class="severity expired">no more data</span>
          ) : isOver ? (
            <span class="severity over">
              <Icon name="check" /> recovered
            </span>
          ) : (
            <Severity severity={incident.severity} />
          )}
          <b class="incident-title">
            <Text
              value={
                isOver
                  ? titleOfIncident(incident)
                  : localTimes(incident.headline, now, utc.value) || incident.title
              }
            />
          </b>
          {recovery && incident.latest !== null && <span class="tag recovering">recovering</span>}
          {incident.flapping && <span class="tag">flapping</span>}
          {incident.acknowledged_at !== null && (
            <span class="tag">
              <Icon name="check" /> acknowledged
            </span>
          )}
          {until !== null && !isOver && (
            <span class="tag">
              <Icon name="bellOff" /> silenced until {clockNear(until, now, utc.value, false)}
            </span>
          )}
        </span>
        <span class="incident-detail">
          {isOver
            ? `${clockNear(incident.triggered_at, now, utc.value, false)}, lasted ${formatDuration(lasted)}`
            : `since ${clockNear(incident.triggered_at, now, utc.value)}, ${formatDuration(Math.max(0, Math.floor(lasted)))} ${isLive.value ? "so far" : "by then"}`}
          {worst && !recovery && ` · ${worst}`}
          {!isOver && incident.latest !== null && ` · now ${latestText(incident, rule)}`}
          {recovery && `${incident.latest === null ? " ·" : ","} ${recovery}`}
          {worst && recovery && ` · ${worst}`}
          {incident.cause && (
            <>
              {" · "}
              <Text value={incident.cause} />
            </>
          )}
        </span>
      </button>
      {hasButtons &&
        isAdmin.value &&
        isLive.value &&
        !link.value.kiosk &&
        incident.recovered_at === null && (
          <span class="incident-buttons">
            <button type="button" onClick={() => toggleAcknowledged(incident)}>
              {incident.acknowledged_at === null ? "Acknowledge" : "Undo acknowledge"}
            </button>
            {until === null ? (
              <button
                type="button"
                onClick={(event) =>
                  openSilence(incident.rule, incident.title, event.currentTarget as HTMLElement)
                }
              >
                Silence…
              </button>
            ) : (
              <button
                type="button"
                onClick={() =>
                  void attempt(
                    unsilence(silenced?.pattern ?? incident.rule),
                    `Silence of ${incident.title} ended`,
                  )
                }
              >
                End silence
              </button>
            )}
          </span>
        )}
    </li>
  );
}

export function PendingRow({ pending, now }: { pending: Pending; now: number }) {
  return (
    <li class="incident pending">
      <button
        type="button"
        class="incident-main"
        onClick={() => go({ view: "alerts", chosen: pending.rule, zoom: null })}
      >
        <span class="incident-head">
          <span class="severity pending">pending</span>
          <b class="incident-title">
            {pending.title}
            {pending.group !== null && (
              <>
                {" "}
                <Text value={pending.group} />
              </>
            )}
          </b>
        </span>
        <span class="incident-detail">
          in breach for {formatRoundDuration(Math.max(0, Math.round(now - pending.since)))}
        </span>
      </button>
    </li>
  );
}
