// Servers: their traffic, joined with what their agents are doing. Pure.

import type { AgentHealth, Filter } from "./contract.ts";
import { formatDuration, UNKNOWN } from "./format.ts";
import type { Row } from "./rows.ts";

const STATES = ["ended", "ok", "waiting", "unknown", "trouble", "silent"];
const TONES = ["dim", "", "noticed", "noticed", "bad", "bad"];
const WITHOUT_AGENT = STATES.indexOf("ok");
/** Seconds between clocks from which the difference is shown. */
const CLOCK_SECONDS = 1;

/** Says what an agent is doing, as the console does. */
export function stateText(agent: AgentHealth, now: number): string {
  switch (agent.state) {
    case "silent":
      return agent.last_heard === null
        ? "SILENT since the start"
        : `SILENT for ${formatDuration(Math.max(0, Math.round(now - agent.last_heard)))}`;
    case "trouble":
      return agent.detail;
    case "unknown":
      return "unknown: no Redis";
    case "waiting":
      return "waiting for the hub";
    default:
      return agent.state;
  }
}

/** Joins agents with rows of requests by server; a server may have only one of both. */
export function serverRows(
  rows: Row[],
  agents: AgentHealth[],
  filters: Filter[],
  now: number,
  version: string,
): Row[] {
  const found = new Map(
    rows.map((row) => [String(row.server), { ...row, state: WITHOUT_AGENT, state_text: UNKNOWN } as Row]),
  );
  // What a condition in words says about servers is taken from the answer.
  const wanted = agents.filter((agent) =>
    filters.every((one) =>
      "where" in one
        ? !/\bserver\b/i.test(one.where) || found.has(agent.name)
        : one.field !== "server" || (one.value === agent.name) !== !!one.not,
    ),
  );
  for (const agent of wanted) {
    const ahead = agent.clock_offset;
    const isOff = Math.abs(ahead) > CLOCK_SECONDS;
    const isSame = !agent.version || agent.version === version;
    const state = STATES.indexOf(agent.state);
    found.set(agent.name, {
      ...(found.get(agent.name) ?? { server: agent.name, hits: 0, rate: 0, "5xx": 0, "4xx": 0 }),
      state,
      state_text: stateText(agent, now),
      state_tone: TONES[state] ?? "",
      lag: agent.lag_bytes,
      clock: Math.abs(ahead),
      clock_text: isOff ? `${ahead > 0 ? "+" : "-"}${formatDuration(Math.abs(ahead))}` : UNKNOWN,
      clock_tone: isOff ? "noticed" : "dim",
      version: agent.version || null,
      version_text: agent.version ? `${isSame ? "" : "! "}${agent.version}` : UNKNOWN,
      version_tone: isSame ? "dim" : "noticed",
      files: agent.files,
      machine: agent.host || null,
      machine_text: agent.host === agent.name ? "" : agent.host,
      machine_tone: "dim",
    });
  }
  return [...found.values()].sort(
    (one, other) =>
      Number(other.hits ?? 0) - Number(one.hits ?? 0) ||
      (String(one.server) < String(other.server) ? -1 : 1),
  );
}
