import { expect, it } from "vitest";

import { columnText } from "../src/charts/pointer.ts";
import type { Columns } from "../src/charts/series.ts";
import { trafficSeries } from "../src/components/traffic_card.tsx";

it("draws the time before only under the span that is compared", () => {
  const x = Array.from({ length: 60 }, (_, i) => 940 + i);
  const values = { "2xx": x.map(() => 5) };
  const columns: Columns = {
    x,
    step: 1,
    since: 940,
    knownSince: 940,
    until: 1000,
    unread: [],
    values,
  };
  const ghost = { ...columns, x: x.map((time) => time - 10), knownSince: 930, until: 990 };
  const [, , , , before] = trafficSeries(columns, ghost, 10, ["2xx", "3xx", "4xx", "5xx"], 990);
  expect(before?.values.slice(0, 50).every((value) => value === null)).toBe(true);
  expect(before?.values.slice(50)).toEqual(Array(10).fill(5));
});

it("says a column of a chart in words", () => {
  const props = {
    label: "",
    summary: "",
    x: [0, 60],
    step: 60,
    height: 1,
    utc: true,
    series: [
      { label: "2xx", color: "", kind: "stack" as const, unit: "rate" as const, values: [5, null] },
      {
        label: "5xx share",
        color: "",
        kind: "line" as const,
        unit: "share" as const,
        values: [0.5, null],
      },
    ],
    shades: [{ from: 30, until: 60, severity: "critical" as const, label: "critical: Errors" }],
  };
  expect(columnText(props, 0)).toBe("00:00:00, 2xx 5/s, 5xx share 50 %, critical: Errors");
  expect(columnText(props, 1)).toBe("00:01:00, nothing known");
});
