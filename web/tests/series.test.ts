import { describe, expect, it } from "vitest";

import type { Answer } from "../src/contract.ts";
import {
  between,
  columnsOf,
  divided,
  laidOver,
  lengthsOf,
  perSecond,
  stacked,
  summed,
  unknownSpans,
  whole,
} from "../src/charts/series.ts";
import { sparkPath, thinned } from "../src/charts/spark.tsx";
import { stepOf } from "../src/asks.ts";

function answerWith(columns: Answer["columns"], more: Partial<Answer> = {}): Answer {
  return {
    id: "",
    columns,
    total: {},
    groups: 0,
    has_more: false,
    ungrouped: 0,
    since: 100,
    until: 130,
    covers_since: null,
    known: 30,
    unread: [],
    grain: 0,
    is_exact: true,
    missing: "",
    error: "",
    ...more,
  };
}

describe("columns of a chart", () => {
  it("have a column of unknown values where a row is missing", () => {
    const found = columnsOf(answerWith({ time: [100, 120], hits: [5, 7] }), 10);
    expect(found?.x).toEqual([100, 110, 120]);
    expect(found?.values.hits).toEqual([5, null, 7]);
  });

  it("begin and end with the span, also where nothing is known of it", () => {
    const found = columnsOf(answerWith({ time: [110], hits: [5] }, { since: 85, until: 135 }), 10);
    expect(found?.x).toEqual([80, 90, 100, 110, 120, 130]);
    expect(found?.values.hits).toEqual([null, null, null, 5, null, null]);
    if (!found) throw new Error("no columns");
    expect(unknownSpans(found, [found.values.hits ?? []])).toEqual([
      [80, 110],
      [120, 140],
    ]);
  });

  it("are none without an answer or without rows", () => {
    expect(columnsOf(null, 10)).toBeNull();
    expect(columnsOf(answerWith({ time: [] }), 10)).toBeNull();
  });

  it("divide by the seconds of them that are inside the span", () => {
    const columns = columnsOf(
      answerWith({ time: [90, 100, 110, 120], hits: [5, 10, 20, 8] }, { since: 95, until: 124 }),
      10,
    );
    if (!columns) throw new Error("no columns");
    expect(lengthsOf(columns)).toEqual([5, 10, 10, 4]);
    expect(perSecond(columns, "hits")).toEqual([1, 1, 2, 2]);
  });
});

describe("lines", () => {
  it("leave out the last column while it is not over", () => {
    const cut = columnsOf(answerWith({ time: [100, 110], hits: [5, 1] }, { until: 113 }), 10);
    const full = columnsOf(answerWith({ time: [100, 110], hits: [5, 1] }, { until: 120 }), 10);
    if (!cut || !full) throw new Error("no columns");
    expect(whole(cut, cut.values.hits ?? [])).toEqual([5, null]);
    expect(whole(full, full.values.hits ?? [])).toEqual([5, 1]);
    expect(whole(cut, [null, 1])).toEqual([null, 1]);
  });

  it("have the longer steps of a time long ago", () => {
    const found = columnsOf(
      answerWith({ time: [0, 3600], hits: [5, 1] }, { since: 0, until: 7200, grain: 3600 }),
      60,
    );
    expect(found?.x).toEqual([0, 3600]);
    expect(found?.step).toBe(3600);
  });
});

describe("rates", () => {
  it("divide by the known part of a column", () => {
    const columns = columnsOf(
      answerWith(
        { time: [0, 3600], hits: [null, 600] },
        { since: 0, until: 7200, covers_since: 7190 },
      ),
      3600,
    );
    if (!columns) throw new Error("no columns");
    expect(perSecond(columns, "hits")).toEqual([null, 60]);
  });

  it("divide by what was read of a column", () => {
    const unread: [number, number][] = [
      [5, 15],
      [18, 30],
    ];
    const more = { since: 0, until: 40, unread };
    const columns = columnsOf(
      answerWith({ time: [0, 10, 20, 30], hits: [10, 6, null, 5] }, more),
      10,
    );
    if (!columns) throw new Error("no columns");
    expect(perSecond(columns, "hits")).toEqual([2, 2, null, 0.5]);
  });
});

describe("stacks", () => {
  it("put each series on those below", () => {
    expect(
      stacked([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ).toEqual([
      [1, 2],
      [4, 6],
      [9, 12],
    ]);
  });

  it("are unknown only where all is unknown", () => {
    expect(
      stacked([
        [null, 1],
        [null, null],
      ]),
    ).toEqual([
      [null, 1],
      [null, 1],
    ]);
    expect(
      summed([
        [null, 1],
        [null, 2],
      ]),
    ).toEqual([null, 3]);
  });

  it("never go down from one series to the next", () => {
    for (let seed = 1; seed < 200; seed += 1) {
      const series = Array.from({ length: 5 }, (_, i) =>
        Array.from({ length: 7 }, (_, j) =>
          (seed * (i + 3) * (j + 7)) % 11 === 0 ? null : (seed * (i + 1) + j) % 13,
        ),
      );
      const sums = stacked(series);
      for (let i = 1; i < sums.length; i += 1)
        for (let j = 0; j < 7; j += 1)
          expect((sums[i]?.[j] ?? 0) >= (sums[i - 1]?.[j] ?? 0)).toBe(true);
    }
  });
});

describe("shares and other times", () => {
  it("are unknown where there is nothing to divide by", () => {
    expect(divided([1, 1, null, 0], [4, 0, 5, 5])).toEqual([0.25, null, null, 0]);
  });

  it("lie over the columns of now", () => {
    const now = columnsOf(
      answerWith({ time: [1000, 1010], hits: [1, 1] }, { since: 1000, until: 1020 }),
      10,
    );
    const then = columnsOf(
      answerWith({ time: [900, 910], hits: [7, 8] }, { since: 900, until: 920 }),
      10,
    );
    if (!now || !then) throw new Error("no columns");
    expect(laidOver(now, then, then.values.hits ?? [], 100)).toEqual([7, 8]);
    expect(laidOver(now, then, then.values.hits ?? [], 103)).toEqual([7, 8]);
    expect(laidOver(now, then, then.values.hits ?? [], 500)).toEqual([null, null]);
  });
});

describe("a distribution", () => {
  it("has the requests between two bounds", () => {
    expect(between([[2], [5], [9]], [10])).toEqual([[2], [3], [4], [1]]);
    expect(between([[null]], [null])).toEqual([[null], [null]]);
  });
});

describe("sparklines", () => {
  it("stop where nothing is known", () => {
    expect(sparkPath([1, null, 1], 100, 28).line.match(/M/g)).toHaveLength(2);
  });

  it("have no more points than there is room for", () => {
    expect(
      thinned(
        Array.from({ length: 120 }, (_, i) => i),
        40,
      ),
    ).toHaveLength(40);
    expect(thinned([1, 2], 40)).toEqual([1, 2]);
  });
});

describe("steps", () => {
  it.each([
    [300, 120, 3],
    [3600, 120, 30],
    [86_400, 120, 720 + 180],
    [2_592_000, 120, 21_600],
  ])("of %d seconds in %d columns", (span, columns, step) => {
    expect(stepOf(span, columns)).toBe(step);
  });
});
