import { describe, expect, it } from "vitest";

import { chartSeconds } from "../src/asks.ts";
import type { Answer, Snapshot } from "../src/contract.ts";
import { figuresOf, knownText, rateNow, rateOf } from "../src/figures.ts";
import { cellText, cellTone, columnOf } from "../src/measures.ts";

function answer(total: Answer["total"], more: Partial<Answer> = {}): Answer {
  return {
    id: "",
    columns: {},
    total,
    groups: 0,
    has_more: false,
    ungrouped: 0,
    since: 0,
    until: 300,
    covers_since: null,
    known: 300,
    unread: [],
    grain: 0,
    is_exact: true,
    missing: "",
    error: "",
    ...more,
  };
}

const TOTAL = {
  hits: 3000,
  bytes: 6_000_000,
  "4xx": 60,
  "5xx": 30,
  visitors: 12,
  timed: 3000,
  p50: 0.02,
  p95: 0.3,
  p99: 1,
};
const named = (figures: ReturnType<typeof figuresOf>, name: string) =>
  figures.find((one) => one.name === name);

describe("figures", () => {
  it("divide by what is known of the span", () => {
    expect(rateOf(answer(TOTAL))).toBe(10);
    expect(rateOf(answer(TOTAL, { known: 100 }))).toBe(30);
    expect(rateOf(answer(TOTAL, { known: 0 }))).toBeNull();
  });

  it("compare with a span before of which enough is known, visitors with a whole one", () => {
    const then = (known: number) => answer({ ...TOTAL, visitors: 6 }, { known });
    const changes = (known: number) =>
      ["rate", "visitors"].map(
        (name) => named(figuresOf(answer(TOTAL), then(known), null, false), name)?.change,
      );
    expect(changes(300).every((one) => one)).toBe(true);
    expect(changes(200).map((one) => one === null)).toEqual([false, true]);
    expect(changes(100)).toEqual([null, null]);
  });

  it("say how much of the span is known", () => {
    expect(knownText(answer(TOTAL), 300)).toBe("");
    expect(knownText(answer(TOTAL, { known: 120, missing: "x" }), 300)).toBe("2 min known");
    expect(knownText(answer(TOTAL, { known: 0, missing: "x" }), 300)).toBe("nothing known");
    expect(knownText(answer(TOTAL, { missing: "x" }), 300)).toBe("with gaps");
  });

  it("compare rates, not counts: the span before may be known in part", () => {
    const figures = figuresOf(
      answer(TOTAL),
      answer({ ...TOTAL, hits: 750 }, { known: 150 }),
      null,
      true,
    );
    expect(named(figures, "rate")?.change?.text).toBe("100 %");
  });

  it("are dashes before the first answer, and after an error", () => {
    for (const given of [null, answer(TOTAL, { error: "no" })]) {
      for (const figure of figuresOf(given, null, null, true)) expect(figure.value).toBe("–");
    }
  });

  it("mark estimates", () => {
    const figures = figuresOf(answer(TOTAL, { is_exact: false }), null, null, true);
    expect(named(figures, "visitors")?.value).toBe("≈ 12");
    expect(named(figures, "p95")?.value).toBe("≈ 300");
  });

  it("leave out response times where the log has none", () => {
    expect(named(figuresOf(answer(TOTAL), null, null, false), "p95")).toBeUndefined();
  });
});

describe("cells", () => {
  it("show errors as a share of the row", () => {
    const row = { hits: 200, "5xx": 50, "4xx": 0 };
    expect(cellText(columnOf("5xx"), row, 0, true)).toBe("25 %");
    expect(cellText(columnOf("4xx"), row, 0, true)).toBe("–");
    expect(cellTone(columnOf("5xx"), row)).toBe("bad");
    expect(cellTone(columnOf("4xx"), { hits: 100, "4xx": 25 })).toBe("noticed");
  });

  it("are dashes where nothing is known", () => {
    for (const measure of ["hits", "bytes", "p95", "visitors", "last_seen"])
      expect(cellText(columnOf(measure), {}, 0, true)).toBe("–");
  });
});

describe("requests per second right now", () => {
  const snapshot = (more: Partial<Snapshot>) =>
    ({ live: true, window: { seconds: 10 }, hit_rate: 7, rates: [], ...more }) as Snapshot;

  it("are those of the server's last seconds", () => {
    expect(rateNow(snapshot({}))).toBe(7);
  });

  it("are not an average over minutes: 0 where nothing arrived", () => {
    const window = { seconds: 900, end: 0, as: "window" };
    const rates = [...Array<number>(50).fill(9), ...Array<number>(10).fill(0)];
    expect(rateNow(snapshot({ window, rates }))).toBe(0);
    expect(rateNow(snapshot({ window }))).toBe(0);
  });
});

describe("a chart", () => {
  it("shows exactly a span in the past, and at least a minute of a log that it follows", () => {
    expect(chartSeconds({ seconds: 20, until: 1000 })).toBe(20);
    expect(chartSeconds({ seconds: 20, until: null })).toBe(60);
    expect(chartSeconds({ seconds: 120, until: null })).toBe(120);
  });
});
