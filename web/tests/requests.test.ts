import { expect, it } from "vitest";

import { countSince, fileText, haveServers } from "../src/requests.ts";

it("tells which requests are of the span that the figures are of", () => {
  const records = [{ time: 300 }, { time: 290.5 }, { time: null }, { time: 199.9 }, { time: 100 }];
  expect(countSince(records, 200)).toBe(3);
  expect(countSince(records, 50)).toBe(5);
  expect(countSince(records, 400)).toBe(0);
  expect(countSince([], 400)).toBe(0);
});

it("says the server of each request only if there are several", () => {
  expect(haveServers([{ server: "web1" }, { server: "web1" }])).toBe(false);
  expect(haveServers([{ server: "web1" }, { server: "web2" }])).toBe(true);
  expect(haveServers([{}, {}])).toBe(false);
  expect(haveServers([])).toBe(false);
});

it("says how many requests a file has, and how to get all of them", () => {
  expect(fileText(2113, 10_000, "5 min", "http://web1:7890/")).toBe(
    "Download as CSV: all 2,113 requests, 5 min",
  );
  expect(fileText(48_210, 10_000, "1 h", "http://web1:7890/")).toBe(
    "Download as CSV: the newest 10,000 of 48,210 requests. For all: glancemetrics query --records --limit 48210 --at http://web1:7890/",
  );
});
