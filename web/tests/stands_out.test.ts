import { describe, expect, it } from "vitest";

import type { Answer } from "../src/contract.ts";
import { changes, mostErrors, questionsFor } from "../src/stands_out.ts";

const SCOPE = { seconds: 300, until: null, filters: [] };

function answer(
  total: Answer["total"],
  columns: Answer["columns"] = {},
  more: Partial<Answer> = {},
): Answer {
  return {
    id: "",
    columns,
    total,
    groups: 5,
    has_more: true,
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

const asked = { errors: "5xx" as const, field: "path", ask: { seconds: 300 } };
const sentence = (found: { before: string; value: string | null; after: string } | null) =>
  found ? `${found.before}${found.value ?? ""}${found.after}` : null;

describe("questions", () => {
  it("are none while there are fewer than ten errors", () => {
    expect(questionsFor(SCOPE, answer({ hits: 1000, "5xx": 9, "4xx": 9 }))).toEqual([]);
    expect(questionsFor(SCOPE, null)).toEqual([]);
  });

  it("are none where errors are less than 1 % of all requests", () => {
    expect(questionsFor(SCOPE, answer({ hits: 10_000, "5xx": 99 }))).toEqual([]);
    expect(questionsFor(SCOPE, answer({ hits: 10_000, "5xx": 100 }))).not.toEqual([]);
  });

  it("leave out what everything is narrowed to already", () => {
    const scope = { ...SCOPE, filters: [{ field: "path", value: "/a" }] };
    expect(questionsFor(scope, answer({ hits: 1000, "5xx": 50 })).map((one) => one.field)).toEqual([
      "vhost",
      "host",
      "agent",
    ]);
  });
});

describe("one value of most errors", () => {
  const row = { path: ["/pay"], hits: [100], "5xx": [60] };

  it("is named with its share", () => {
    const found = mostErrors(asked, answer({ hits: 1000, "5xx": 80 }, row));
    expect(sentence(found)).toBe("Path /pay makes up 75 % of the server errors (60 of 80)");
    expect(found?.filters[0]).toEqual({ field: "path", value: "/pay" });
  });

  it("says that an estimate is one", () => {
    expect(
      sentence(mostErrors(asked, answer({ hits: 1000, "5xx": 80 }, row, { is_exact: false }))),
    ).toContain("about 75 %");
  });

  it.each([
    ["less than half of them", answer({ hits: 1000, "5xx": 130 }, row)],
    [
      "fewer than ten",
      answer({ hits: 1000, "5xx": 12 }, { path: ["/pay"], hits: [100], "5xx": [9] }),
    ],
    ["no more than its share of the traffic", answer({ hits: 110, "5xx": 62 }, row)],
    ["the only value", answer({ hits: 1000, "5xx": 80 }, row, { groups: 1 })],
    ["an error", answer({ hits: 1000, "5xx": 80 }, row, { error: "too large" })],
    [
      "a missing value",
      answer({ hits: 1000, "5xx": 80 }, { path: [null], hits: [100], "5xx": [60] }),
    ],
    ["no rows", answer({ hits: 1000, "5xx": 80 })],
  ])("is not named: %s", (_, given) => {
    expect(mostErrors(asked, given)).toBeNull();
  });
});

describe("changes against the span before", () => {
  const steady = answer({ hits: 3000, "5xx": 3, p95: 0.2, timed: 3000 });

  it("say nothing when nothing has changed much", () => {
    expect(
      changes(steady, answer({ hits: 2700, "5xx": 2, p95: 0.15, timed: 2700 }), "the 5 min before"),
    ).toEqual([]);
  });

  it("name traffic that has doubled or halved", () => {
    const before = answer({ hits: 1500, "5xx": 1 });
    expect(changes(steady, before, "the 5 min before").map(sentence)).toEqual([
      "Traffic is twice that of the 5 min before: 10 requests/s, 5 then",
    ]);
    expect(changes(before, steady, "a day before").map(sentence)).toEqual([
      "Traffic is down 50 % from a day before: 5 requests/s, 10 then",
    ]);
  });

  it("name server errors and slower responses", () => {
    const bad = answer({ hits: 3000, "5xx": 300, p95: 0.9, timed: 3000 });
    expect(changes(bad, steady, "the 5 min before").map(sentence)).toEqual([
      "10 % of responses are server errors (300 responses), 0.1 % in the 5 min before",
      "Responses are slower: p95 is 900 ms, 200 ms in the 5 min before",
    ]);
    expect(changes(bad, steady, "a week before").map(sentence)).toEqual([
      "10 % of responses are server errors (300 responses), 0.1 % a week before",
      "Responses are slower: p95 is 900 ms, 200 ms a week before",
    ]);
  });

  it("say nothing where the span before is mostly unknown, or there are few requests", () => {
    expect(changes(steady, answer({ hits: 10 }, {}, { known: 20 }), "x")).toEqual([]);
    expect(changes(answer({ hits: 30 }), answer({ hits: 3 }), "x")).toEqual([]);
    expect(changes(steady, null, "x")).toEqual([]);
  });
});
