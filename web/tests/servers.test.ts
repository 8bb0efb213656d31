import { describe, expect, it } from "vitest";

import { byColumn } from "../src/components/table_card.tsx";
import type { AgentHealth } from "../src/contract.ts";
import { cellText, cellTone, columnOf } from "../src/measures.ts";
import { serverRows, stateText } from "../src/servers.ts";

const OK: AgentHealth = {
  name: "web1",
  state: "ok",
  detail: "",
  last_heard: null,
  version: "1.0",
  host: "web1",
  files: 2,
  lag_bytes: 1200,
  clock_offset: -0.4,
};
const SILENT: AgentHealth = { ...OK, name: "web7", state: "silent", last_heard: 100 };
const ROWS = [
  { server: "syslog", hits: 90, rate: 9, "5xx": 1, "4xx": 2, p95: null },
  { server: "web1", hits: 9, rate: 0.9, "5xx": 3, "4xx": 0, p95: 0.2 },
];
const rows = serverRows(ROWS, [OK, SILENT], [], 140, "1.0");
const cell = (row: (typeof rows)[number] | undefined, column: string) =>
  cellText(columnOf(column), row ?? {}, 0, true);

describe("servers", () => {
  it("are known by an agent or by requests, trouble first", () => {
    const sorted = byColumn(rows, "state", false);
    expect(sorted.map((row) => row.server)).toEqual(["web7", "syslog", "web1"]);
    expect(sorted.map((row) => cell(row, "state"))).toEqual(["SILENT for 40 s", "–", "ok"]);
    expect(sorted.map((row) => cell(row, "rate"))).toEqual(["0", "9", "0.9"]);
    expect(sorted.map((row) => cell(row, "lag"))).toEqual(["1.2 kB", "–", "1.2 kB"]);
    expect(cellTone(columnOf("state"), sorted[0] ?? {})).toBe("bad");
  });

  it("are sorted by a column, the unknown last", () => {
    const names = (column: string, up: boolean) =>
      byColumn(rows, column, up).map((row) => row.server);
    expect(names("rate", false)).toEqual(["syslog", "web1", "web7"]);
    expect(names("rate", true)).toEqual(["web7", "web1", "syslog"]);
    expect(names("lag", true).at(-1)).toBe("syslog");
  });

  it("are those that the filters leave", () => {
    const named = (value: string, not = false) =>
      serverRows([], [OK, SILENT], [{ field: "server", value, not }], 0, "").map(
        (row) => row.server,
      );
    expect(named("web7")).toEqual(["web7"]);
    expect(named("web7", true)).toEqual(["web1"]);
    expect(named("syslog")).toEqual([]);
    const other = [{ where: "a = 1" }, { field: "path", value: "/" }];
    expect(serverRows([], [OK, SILENT], other, 0, "")).toHaveLength(2);
    const inWords = [{ where: "server LIKE 'web1%' AND status >= 500" }];
    const [, web1 = {}] = ROWS;
    expect(serverRows([web1], [OK, SILENT], inWords, 0, "").map((row) => row.server)).toEqual([
      "web1",
    ]);
  });

  it("have a clock and a version that stand out where they differ", () => {
    const [fine] = serverRows([], [OK], [], 0, "1.0");
    expect([cell(fine, "clock"), cell(fine, "version")]).toEqual(["–", "1.0"]);
    const off = { ...OK, clock_offset: 3.2, version: "0.9", host: "\u001b[31mevil" };
    const [row] = serverRows([], [off], [], 0, "1.0");
    expect([cell(row, "clock"), cell(row, "version")]).toEqual(["+3.2 s", "! 0.9"]);
    expect(cellTone(columnOf("version"), row ?? {})).toBe("noticed");
    expect(cell(row, "machine")).toBe("\\x1b[31mevil");
  });
});

it("a state is said in words", () => {
  expect(stateText({ ...SILENT, last_heard: null }, 140)).toBe("SILENT since the start");
  expect(stateText({ ...OK, state: "trouble", detail: "sent nonsense" }, 0)).toBe("sent nonsense");
  expect(stateText({ ...OK, state: "waiting" }, 0)).toBe("waiting for the hub");
  expect(stateText({ ...OK, state: "ended" }, 0)).toBe("ended");
});
