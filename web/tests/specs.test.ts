import { expect, it } from "vitest";

import { specsOf } from "../src/views/specs.ts";

it("has no share of errors beside a status: it would be all, or none", () => {
  const measures = (field: string) =>
    specsOf("x", [field], ["hits", "5xx", "4xx", "p95"])[0]?.measures;
  expect(measures("status")).toEqual(["hits", "p95"]);
  expect(measures("path")).toEqual(["hits", "5xx", "4xx", "p95"]);
});
