import { expect, it } from "vitest";

import type { Columns } from "../src/charts/series.ts";
import { trafficSeries } from "../src/components/traffic_card.tsx";

it("draws the time before only under the span that is compared", () => {
  const x = Array.from({ length: 60 }, (_, i) => 940 + i);
  const values = { "2xx": x.map(() => 5) };
  const columns: Columns = { x, step: 1, since: 940, knownSince: 940, until: 1000, values };
  const ghost = { ...columns, x: x.map((time) => time - 10), knownSince: 930, until: 990 };
  const [, , , , before] = trafficSeries(columns, ghost, 10, ["2xx", "3xx", "4xx", "5xx"], 990);
  expect(before?.values.slice(0, 50).every((value) => value === null)).toBe(true);
  expect(before?.values.slice(50)).toEqual(Array(10).fill(5));
});
