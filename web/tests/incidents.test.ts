import { describe, expect, it } from "vitest";

import type { Incident, Rule, Snapshot } from "../src/contract.ts";
import {
  bySeverity,
  endedAt,
  failingIn,
  isOverAt,
  limitText,
  ongoingAt,
  recoveryText,
  shadesOf,
  silencedText,
  spanOf,
  worstValueText,
} from "../src/incidents.ts";
import { bandsOf } from "../src/charts/marks.ts";
import { START } from "../src/link.ts";
import { limitIn, ruleValues, trafficOf } from "../src/views/rule_panel.tsx";

function incident(id: string, more: Partial<Incident> = {}): Incident {
  return {
    incident: id,
    rule: "errors",
    title: "Server errors",
    severity: "critical",
    by: null,
    group: null,
    headline: "",
    bound: "limit 5 %",
    hint: "",
    value: 1,
    value_text: "",
    peak: 1,
    peak_text: "",
    latest: null,
    latest_text: "",
    threshold: 0.05,
    window: 60,
    triggered_at: 1000,
    recovered_at: null,
    duration: null,
    flapping: false,
    expired: false,
    cause: "",
    acknowledged_at: null,
    silenced_until: null,
    closes_at: null,
    ...more,
  };
}

function snapshotWith(firing: Incident[], ended: Incident[]): Snapshot {
  return { alerts: { firing, ended, pending: [] } } as unknown as Snapshot;
}

const RULE: Rule = {
  name: "errors",
  title: "Server errors",
  severity: "critical",
  metric: "status_ratio(5xx)",
  where: null,
  by: null,
  window: 60,
  bound: "limit 5 %",
  threshold: 0.05,
  above: true,
  has_limit: true,
  is_own: false,
  chart: { measures: ["5xx", "hits"], kind: "ratio", unit: "share" },
};

describe("bands of a chart", () => {
  const shade = (from: number, until: number, severity: "critical" | "warning" | "info") => ({
    from,
    until,
    severity,
    label: "",
  });

  it("cover each time once, with the worst severity", () => {
    const shades = [
      shade(0, 10, "warning"),
      shade(2, 12, "warning"),
      shade(4, 6, "critical"),
      shade(20, 30, "info"),
    ];
    expect(bandsOf(shades)).toEqual([
      { from: 20, until: 30, severity: "info" },
      { from: 0, until: 4, severity: "warning" },
      { from: 6, until: 12, severity: "warning" },
      { from: 4, until: 6, severity: "critical" },
    ]);
  });

  it("have incidents of a moment, unless another covers them", () => {
    const shades = [shade(5, 5, "warning"), shade(0, 2, "critical"), shade(1, 1, "info")];
    expect(bandsOf(shades)).toEqual([
      { from: 5, until: 5, severity: "warning" },
      { from: 0, until: 2, severity: "critical" },
    ]);
  });
});

describe("incidents", () => {
  it("say their worst value in the words of the server", () => {
    expect(worstValueText(incident("a", { worst_text: "lowest 3 requests" }))).toBe(
      "lowest 3 requests",
    );
    expect(worstValueText(incident("a", { worst_text: "", peak_text: "0" }))).toBe("");
    expect(worstValueText(incident("a", { peak_text: "46 %" }))).toBe("peak 46 %");
  });

  it("are ordered by severity; acknowledged ones come after those like them", () => {
    const all = [
      incident("i", { severity: "info" }),
      incident("seen", { acknowledged_at: 5 }),
      incident("new"),
      incident("w", { severity: "warning" }),
    ];
    expect(bySeverity(all).map((one) => one.incident)).toEqual(["new", "seen", "w", "i"]);
  });

  it("were not over yet at a time before their end", () => {
    const past = incident("past", { triggered_at: 500, recovered_at: 900 });
    expect([899, 900, 2000].map((now) => isOverAt(past, now))).toEqual([false, true, true]);
    expect(isOverAt(incident("now"), 5000)).toBe(false);
  });

  it("are those of the time that is shown", () => {
    const past = incident("past", { triggered_at: 500, recovered_at: 900 });
    const known = snapshotWith([incident("now")], [past]);
    expect(ongoingAt(known, 700).map((one) => one.incident)).toEqual(["past"]);
    expect(ongoingAt(known, null).map((one) => one.incident)).toEqual(["now"]);
    expect(endedAt(known, 700)).toEqual([]);
    expect(endedAt(known, null)).toEqual([past]);
  });

  it("that are within their limit again say what they wait for", () => {
    const below = incident("a", { latest: 0.002, closes_at: 1300 });
    expect(recoveryText(below, RULE, 1220)).toBe("below its limit, ends in 1 min 20 s");
    expect(recoveryText(below, { ...RULE, above: false }, 1299.5)).toBe(
      "above its limit, ends in 1 s",
    );
    expect(recoveryText({ ...below, latest: null }, RULE, 1240)).toMatch(
      /^no more data, ends in 1 min/,
    );
    expect(recoveryText(incident("b", { latest: 0.2 }), RULE, 1220)).toBe("");
    expect(recoveryText({ ...below, closes_at: null }, RULE, 1220)).toBe(
      "below its limit, not far enough to recover",
    );
    expect(recoveryText({ ...below, recovered_at: 1100 }, RULE, 1220)).toBe("");
  });

  it("are shown as they were known then: nothing that came later, or is so now", () => {
    const firing = incident("now", {
      latest: 0.16,
      peak: 0.46,
      peak_text: "46 %",
      worst_text: "peak 46 %",
      acknowledged_at: 1200,
      silenced_until: 9000,
      closes_at: 2000,
      flapping: true,
    });
    const past = incident("past", { recovered_at: 1500, duration: 500, expired: true });
    const known = snapshotWith([firing], [past]);
    const [one, other] = ongoingAt(known, 1100);
    for (const found of [one, other]) {
      expect(found).toMatchObject({ latest: null, peak: null, worst_text: "", flapping: false });
      expect(found).toMatchObject({ recovered_at: null, duration: null, expired: false });
      expect(found).toMatchObject({ acknowledged_at: null, silenced_until: null, closes_at: null });
    }
    expect(ongoingAt(known, 1300)[1]?.acknowledged_at).toBe(1200);
    expect(endedAt(known, 1600)[0]?.duration).toBe(500);
    expect(ongoingAt(known, null)).toEqual([firing]);
  });

  it("shade the part of a chart that they are in", () => {
    const known = snapshotWith(
      [incident("now")],
      [incident("past", { triggered_at: 500, recovered_at: 900 })],
    );
    expect(shadesOf(known, 800, 1200).map((one) => [one.from, one.until])).toEqual([
      [1000, 1200],
      [500, 900],
    ]);
    expect(shadesOf(known, 1050, 1200)).toHaveLength(1);
    expect(shadesOf(known, 0, 2000, "another")).toEqual([]);
  });

  it("have a span with some time around it", () => {
    const { seconds, until } = spanOf(
      incident("past", { triggered_at: 1000, recovered_at: 1600 }),
      9000,
    );
    expect(until).toBe(1670);
    expect(seconds).toBe(800);
    expect(spanOf(incident("now"), 1500).until).toBeNull();
    // At a past time it lasts until then, and its link leads there.
    expect(spanOf(incident("now"), 1500, false).until).toBe(1500);
  });
});

describe("rules", () => {
  it("know which requests fail by them", () => {
    expect(failingIn(RULE)).toBe("status BETWEEN 500 AND 599");
    expect(failingIn({ ...RULE, metric: "rate" })).toBeNull();
  });

  it("say what they limit, of which requests", () => {
    const rule = { ...RULE, bound: "limit 30 requests", window: 60 };
    expect(limitText(rule)).toBe("30 requests over 1 min");
    expect(limitText({ ...rule, by: "host", where: "status = 404" })).toBe(
      "30 requests over 1 min, by host, where status = 404",
    );
    expect(limitText({ ...rule, is_own: true })).toBe("GlanceMetrics' own health");
  });

  it("make their values of measures", () => {
    const columns = {
      x: [0, 10],
      step: 10,
      since: 0,
      until: 20,
      knownSince: 0,
      unread: [],
      values: { "5xx": [1, 2], hits: [10, 0] },
    };
    expect(
      ruleValues({ measures: ["5xx", "hits"], kind: "ratio", unit: "share" }, columns),
    ).toEqual([0.1, null]);
    expect(ruleValues({ measures: ["hits"], kind: "per_second", unit: "rate" }, columns)).toEqual([
      1, 0,
    ]);
    expect(ruleValues({ measures: ["hits"], kind: "count", unit: "count" }, columns)).toEqual([
      10, 0,
    ]);
  });

  it("scale the limit of a count to the length of a column", () => {
    expect(
      limitIn(
        { ...RULE, threshold: 120, chart: { measures: ["hits"], kind: "count", unit: "count" } },
        30,
      ),
    ).toBe(60);
    expect(limitIn(RULE, 30)).toBe(0.05);
    expect(limitIn({ ...RULE, threshold: null }, 30)).toBeNull();
  });

  it("lead to the requests of an incident, at its time", () => {
    const found = trafficOf(
      { ...START, filters: [{ field: "path", value: "/x" }] },
      { ...RULE, by: "host" },
      incident("past", { group: "10.0.0.1", by: "host", triggered_at: 1000, recovered_at: 1600 }),
      9000,
    );
    expect(found).toMatchObject({ view: "errors", until: 1670, window: 800 });
    expect(found.filters).toEqual([
      { field: "host", value: "10.0.0.1" },
      { where: "status BETWEEN 500 AND 599" },
    ]);
  });
});

describe("a silence", () => {
  const rules = [
    { name: "high_traffic", title: "High traffic" },
    { name: "Rate [5m]*", title: "Rate" },
  ] as Rule[];

  it("is called as its rule is everywhere", () => {
    expect(silencedText("high_traffic", rules)).toBe("High traffic");
    expect(silencedText("Rate [[]5m][*]", rules)).toBe("Rate");
    expect(silencedText("high_*", rules)).toBe("high_*");
  });
});
