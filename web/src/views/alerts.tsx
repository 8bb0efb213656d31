// Alerts: what is active, pending and over; each rule; the chosen one with its chart and what failed.

import { useEffect, useMemo } from "preact/hooks";

import { unsilence } from "../api.ts";
import { Card, Waiting } from "../components/card.tsx";
import { Icon } from "../components/icons.tsx";
import {
  attempt,
  IncidentRow,
  PendingRow,
  Severity,
  toggleAcknowledged,
} from "../components/incident_list.tsx";
import { Text } from "../components/text.tsx";
import type { Incident, Rule, Severity as SeverityOf } from "../contract.ts";
import { endedAt, limitText, ongoingAt, silencedText } from "../incidents.ts";
import { openSilence } from "../overlays.ts";
import { clockNear } from "../spans.ts";
import { go, hello, isAdmin, isLive, link, snapshot, tell, utc } from "../store.ts";
import { addTable } from "../tables.ts";
import type { PageData } from "../page_data.ts";
import { RulePanel } from "./rule_panel.tsx";

const MOST_ENDED = 100;
/** How the state of a rule with active incidents looks. */
const ACTIVE: Record<SeverityOf, string> = { critical: "bad", warning: "noticed", info: "" };

export interface Chosen {
  rule: Rule | undefined;
  incident: Incident | null;
}

/** What a link names: an incident, a rule, or what matters most. */
export function chosenIn(rules: Rule[], incidents: Incident[], chosen: string | null): Chosen {
  const incident = incidents.find((one) => one.incident === chosen) ?? null;
  const ofLink = rules.find((one) => one.name === (incident?.rule ?? chosen));
  if (ofLink || incident) return { rule: ofLink, incident };
  const first = incidents[0] ?? null;
  return {
    rule: rules.find((one) => one.name === first?.rule) ?? rules.find((one) => one.chart !== null),
    incident: first,
  };
}

export function chosenNow(): Chosen {
  const known = snapshot.value;
  const all = [...ongoingAt(known, link.value.until), ...endedAt(known, link.value.until)];
  return chosenIn(hello.value?.rules ?? [], all, link.value.chosen);
}

export function Alerts({ data }: { data: PageData }) {
  const known = snapshot.value;
  const { until, chosen, kiosk } = link.value;
  const ongoing = ongoingAt(known, until);
  const ended = endedAt(known, until).slice(0, MOST_ENDED);
  const pending = until === null ? (known?.alerts.pending ?? []) : [];
  const rules = ownLast(hello.value?.rules ?? []);
  const now = until ?? known?.time ?? 0;
  const current = chosenIn(rules, [...ongoing, ...ended], chosen);
  const order = useMemo(
    () => [
      ...ongoing.map((one) => one.incident),
      ...ended.map((one) => one.incident),
      ...rules.map((one) => one.name),
    ],
    [known, rules],
  );
  const isGone =
    chosen !== null &&
    known !== null &&
    current.incident?.incident !== chosen &&
    current.rule?.name !== chosen;
  // Below a list, on a phone, nobody would see that a tap has changed anything.
  useEffect(() => {
    const panel = chosen === null ? null : document.querySelector(".rule-panel");
    if (panel && panel.getBoundingClientRect().top > 0.6 * innerHeight) panel.scrollIntoView();
  }, [chosen, known !== null]);
  const at = order.indexOf(current.incident?.incident ?? current.rule?.name ?? "");
  useEffect(() => {
    const move = (by: number) => {
      const next = order[Math.max(0, Math.min(order.length - 1, at + by))];
      if (next !== undefined) go({ chosen: next }, "replace");
    };
    return addTable({
      key: "alerts/list",
      move,
      toEnd: (end) => move(end === "first" ? -order.length : order.length),
      focus: () =>
        document.querySelector<HTMLElement>("[data-table='alerts/list'] button")?.focus(),
      open: () => document.querySelector<HTMLElement>(".rule-panel .show-traffic")?.click(),
      exclude: () => {},
      sort: () => {},
      reverse: () => {},
      find: () => {},
      copy: () => {},
    });
  });
  return (
    <div class="grid alerts-grid">
      <div class="stack" data-table="alerts/list">
        {isGone && (
          <p class="banner trouble" role="status">
            <Icon name="info" />
            <span>The incident of this link is no longer known.</span>
            <button type="button" class="way-out" onClick={() => go({ chosen: null }, "replace")}>
              Close
            </button>
          </p>
        )}
        <Card
          id="active"
          title="Active"
          note={known && <span class="count">{ongoing.length}</span>}
          canZoom={false}
        >
          {!known && <Waiting lines={3} />}
          {known && !ongoing.length && (
            <p class="all-well">
              <Icon name="check" /> No active incident{until === null ? "" : " at this time"}
            </p>
          )}
          <ul class="incidents" aria-label="Active incidents">
            {ongoing.map((one) => (
              <IncidentRow
                key={one.incident}
                incident={one}
                now={now}
                isChosen={one.incident === current.incident?.incident}
              />
            ))}
          </ul>
        </Card>
        {pending.length > 0 && (
          <Card
            id="pending"
            title="Pending"
            note="in breach, not yet for long enough"
            canZoom={false}
          >
            <ul class="incidents" aria-label="Pending alerts">
              {pending.map((one) => (
                <PendingRow
                  key={`${one.rule}/${one.group}`}
                  pending={one}
                  now={known?.now ?? now}
                />
              ))}
            </ul>
          </Card>
        )}
        {until === null && <Silences />}
        <Card
          id="ended"
          title="Ended"
          note={known && <span class="count">{ended.length}</span>}
          canZoom={false}
        >
          {ended.length ? (
            <ul class="incidents compact" aria-label="Ended incidents">
              {ended.map((one) => (
                <IncidentRow
                  key={one.incident}
                  incident={one}
                  now={now}
                  isChosen={one.incident === current.incident?.incident}
                />
              ))}
            </ul>
          ) : !known ? (
            <Waiting lines={3} />
          ) : (
            <p class="empty">No incident has ended yet.</p>
          )}
        </Card>
        {!kiosk && (
          <Rules
            rules={rules}
            ongoing={ongoing}
            chosen={current.incident ? null : (current.rule?.name ?? null)}
          />
        )}
      </div>
      <RulePanel chosen={current} now={now} data={data} />
    </div>
  );
}

/** Whether a rule is about the monitor itself. */
function isOwn(rule: Rule): boolean {
  return rule.is_own;
}

/** Those about GlanceMetrics itself come last: people have set the others. */
function ownLast(rules: Rule[]): Rule[] {
  return [...rules.filter((rule) => !isOwn(rule)), ...rules.filter(isOwn)];
}

function Silences() {
  const silences = snapshot.value?.silences ?? [];
  if (!silences.length) return null;
  const rules = hello.value?.rules ?? [];
  return (
    <Card
      id="silences"
      title="Silences"
      note="no notifications for new incidents of these rules"
      canZoom={false}
    >
      <ul class="silences">
        {silences.map((one) => (
          <li key={one.pattern}>
            <Icon name="bellOff" />
            <span>
              <b>{silencedText(one.pattern, rules)}</b>{" "}
              {one.until === null
                ? ""
                : `until ${clockNear(one.until, snapshot.value?.time ?? 0, utc.value, false)}`}
              {one.why ? ` · ${one.why}` : ""}
            </span>
            {isAdmin.value && (
              <button
                type="button"
                onClick={() =>
                  void attempt(
                    unsilence(one.pattern),
                    `Silence of ${silencedText(one.pattern, rules)} ended`,
                  )
                }
              >
                End silence
              </button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Rules({
  rules,
  ongoing,
  chosen,
}: {
  rules: Rule[];
  ongoing: Incident[];
  chosen: string | null;
}) {
  return (
    <Card id="rules" title="Rules" note={<span class="count">{rules.length}</span>} canZoom={false}>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of rules">
        <table class="table rules">
          <caption class="visually-hidden">Rules</caption>
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col">Severity</th>
              <th scope="col">State</th>
              <th scope="col" class="about">
                Limit
              </th>
            </tr>
          </thead>
          <tbody>
            {rules.map((rule) => {
              const count = ongoing.filter((one) => one.rule === rule.name).length;
              return (
                <tr key={rule.name} class={rule.name === chosen ? "row chosen" : "row"}>
                  <th scope="row">
                    <button
                      type="button"
                      class="value"
                      aria-pressed={rule.name === chosen}
                      onClick={() => go({ chosen: rule.name })}
                    >
                      {rule.title}
                    </button>
                  </th>
                  <td>
                    <Severity severity={rule.severity} />
                  </td>
                  <td class={count ? ACTIVE[rule.severity] : "dim"}>
                    {count ? `${count} active` : "quiet"}
                  </td>
                  <td class="about dim">
                    <Text value={limitText(rule)} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function isForbidden(): boolean {
  const isViewer = hello.value !== null && !isAdmin.value;
  if (isViewer) tell("Viewers cannot acknowledge or silence (--web-admin allows it)", true);
  else if (!isLive.value) tell("Go live to acknowledge or silence", true);
  return isViewer || !isLive.value;
}

/** Acknowledges what is chosen; elsewhere, shows Alerts. */
export function acknowledgeChosen(): void {
  if (isForbidden()) return;
  const { incident } = chosenNow();
  if (link.value.view !== "alerts") go({ view: "alerts", zoom: null });
  else if (incident && incident.recovered_at === null && isAdmin.value)
    toggleAcknowledged(incident);
}

export function silenceChosen(): void {
  if (isForbidden()) return;
  const { rule, incident } = chosenNow();
  const name = incident?.rule ?? rule?.name;
  if (link.value.view !== "alerts") go({ view: "alerts", zoom: null });
  else if (name && isAdmin.value)
    openSilence(
      name,
      incident?.title ?? rule?.title ?? name,
      document.querySelector<HTMLElement>(".incident.chosen") ?? document.body,
    );
}
