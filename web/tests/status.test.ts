import { describe, expect, it } from "vitest";

import type { Answer, Incident, Snapshot } from "../src/contract.ts";
import { statusOf } from "../src/status.ts";

const SOURCE = { name: "a", state: "following", detail: "", format: "combined", unparsed: 0 };

function snapshotWith(more: Partial<Snapshot> = {}, firing: Partial<Incident>[] = []): Snapshot {
  return {
    time: 1000,
    now: 1000,
    live: true,
    window: { seconds: 10, end: 1000, as: "window" },
    hits: 100,
    server_errors: 0,
    rates: [],
    silent: 0,
    alerts: {
      firing: firing.map((one) => ({ acknowledged_at: null, triggered_at: 900, ...one })),
      ended: [],
      pending: [],
    },
    health: { records: 1000, sources: [SOURCE], outputs: [] },
    ...more,
  } as unknown as Snapshot;
}

const NOW = { until: null, isNarrowed: false, total: null };
const then = (total: Partial<Answer>, isNarrowed = false) => ({
  until: 500,
  isNarrowed,
  total: { error: "", missing: "", known: 60, ...total } as Answer,
});
const text = (snapshot: Snapshot, shown: Parameters<typeof statusOf>[1] = NOW) => {
  const found = statusOf(snapshot, shown);
  return `${found.tone}: ${found.text}`;
};

describe("whether the site is well", () => {
  it("is judged as in the console: red before a rule fires", () => {
    expect(text(snapshotWith({ server_errors: 30 }))).toBe(
      "critical: Failing: 30 % 5xx, last 10 s",
    );
    expect(text(snapshotWith({ server_errors: 7 }))).toBe("warning: Errors: 7 % 5xx, last 10 s");
    expect(text(snapshotWith({ server_errors: 4 }))).toBe("fine: Healthy");
  });

  it("names the worst first", () => {
    const critical = { severity: "critical" } as const;
    const warning = { severity: "warning" } as const;
    expect(text(snapshotWith({ server_errors: 30 }, [critical, warning]))).toBe(
      "critical: 1 critical",
    );
    expect(text(snapshotWith({ server_errors: 30 }, [warning]))).toContain("Failing");
    expect(text(snapshotWith({ server_errors: 7 }, [warning]))).toBe("warning: 1 warning");
    expect(text(snapshotWith({}, [{ severity: "info" }]))).toBe("fine: Healthy");
    expect(text(snapshotWith({}, [{ ...critical, acknowledged_at: 950 }]))).toBe(
      "quiet: 1 acknowledged",
    );
  });

  it("says nothing about a share of a few requests, unless most of them fail", () => {
    expect(text(snapshotWith({ hits: 19, server_errors: 5 }))).toBe("fine: Healthy");
    expect(text(snapshotWith({ hits: 5, server_errors: 3 }))).toContain("Failing: 60 %");
    expect(text(snapshotWith({ hits: 4, server_errors: 4 }))).toBe("fine: Healthy");
  });

  it("is not well where nothing is known", () => {
    const health = snapshotWith().health;
    expect(text(snapshotWith({ health: { ...health, records: 0 } }))).toBe("warning: No data");
    const waiting = [{ ...health.sources[0], state: "waiting" }] as typeof health.sources;
    expect(text(snapshotWith({ health: { ...health, sources: waiting } }))).toBe(
      "warning: No data",
    );
    const outputs = [{ name: "mail", state: "retrying" }] as typeof health.outputs;
    expect(text(snapshotWith({ health: { ...health, outputs } }))).toBe("warning: Output fails");
    const behind = { ...health, lag_seconds: 38 };
    expect(text(snapshotWith({ health: behind }))).toBe("warning: Behind by 38 s");
    expect(text(snapshotWith({ hits: 0, silent: 40 }))).toBe("warning: Silent for 40 s");
    expect(text(snapshotWith({ hits: 0, silent: 40 }), then({}))).toBe("fine: Healthy");
  });

  it("is that of the past, where that is shown, unless it is narrowed", () => {
    const failing = { total: { hits: 100, "5xx": 50 } };
    expect(text(snapshotWith(), then(failing))).toBe("critical: Failing: 50 % 5xx");
    expect(text(snapshotWith(), then(failing, true))).toBe("fine: Healthy");
    expect(text(snapshotWith({ server_errors: 90 }), then({ total: { hits: 100 } }))).toBe(
      "fine: Healthy",
    );
    expect(text(snapshotWith(), then({ missing: "no data before 10:00", known: 0 }))).toBe(
      "warning: No data",
    );
  });
});
