import { describe, expect, it } from "vitest";

import { conditionOf, downloadLink, reportLink } from "../src/asks.ts";
import { idOf, keepAnswer, wantedAsks, want } from "../src/answers.ts";
import type { Answer } from "../src/contract.ts";
import { filterIn, filterProblem, pairText, typedIn } from "../src/filter_words.ts";
import { asProblem, corrected } from "../src/filter_words.ts";

const FIELDS = ["path", "host", "status", "agent"];

describe("what is typed into the filter box", () => {
  it.each([
    ["path = /login", { field: "path", value: "/login" }],
    ["path:/login", { field: "path", value: "/login" }],
    ["status=404", { field: "status", value: "404" }],
    ["host != 10.0.0.1", { field: "host", value: "10.0.0.1", not: true }],
    ["-host:10.0.0.1", { field: "host", value: "10.0.0.1", not: true }],
    ['agent = "curl 8.5"', { field: "agent", value: "curl 8.5" }],
    ["agent = curl 8.5", { field: "agent", value: "curl 8.5" }],
  ])("%s is a field and a value", (text, filter) => {
    expect(filterIn(text, FIELDS)).toEqual(filter);
  });

  it.each([
    "5xx /api",
    "status >= 500",
    "nothing = x",
    "path = /a and status = 404",
    "path:/a 5xx",
    "path = ",
    "path = /a*",
    // Not complete: the server says so, and it stays in the box.
    "status = 5000 and",
    "path = /a or",
    "status = 200 not in",
    "status = 200 >",
  ])("%s is for the server", (text) => {
    expect(filterIn(text, FIELDS)).toBeNull();
  });

  it("is completed by fields, then by values", () => {
    expect(typedIn("pa", FIELDS)).toMatchObject({ kind: "field", prefix: "pa", start: 0 });
    expect(typedIn("path = /lo", FIELDS)).toMatchObject({
      kind: "value",
      field: "path",
      prefix: "/lo",
      start: 0,
    });
    expect(typedIn("5xx ho", FIELDS)).toMatchObject({ kind: "field", prefix: "ho", start: 4 });
    expect(typedIn("5xx host:10.", FIELDS)).toMatchObject({
      kind: "value",
      field: "host",
      prefix: "10.",
      start: 4,
    });
  });

  it("reads what it completes", () => {
    for (const value of ["/a", "curl 8.5", 'say "hi"', "a'b", "100%", "(x)"])
      expect(filterIn(pairText("agent", "=", value), FIELDS)).toEqual({ field: "agent", value });
  });
});

describe("questions", () => {
  it("have one way of writing", () => {
    expect(idOf({ seconds: 60, until: null, filters: [], limit: 20, by: ["path"] })).toBe(
      idOf({ by: ["path"], limit: 20, seconds: 60 }),
    );
    expect(idOf({ seconds: 60, shift: 0, ascending: false, order: null })).toBe('{"seconds":60}');
  });

  it("are asked as long as somebody wants them, the most important first, at most 24", () => {
    const ends = Array.from({ length: 30 }, (_, i) =>
      want(idOf({ seconds: i + 1 }), i === 29 ? 0 : 5),
    );
    expect(Object.keys(wantedAsks())).toHaveLength(24);
    expect(Object.keys(wantedAsks())[0]).toBe('{"seconds":30}');
    for (const end of ends) end();
    expect(wantedAsks()).toEqual({});
  });

  it("take turns where there are more than 24: those without an answer are next", () => {
    const ids = Array.from({ length: 40 }, (_, i) => idOf({ seconds: i + 1 }));
    const ends = ids.map((id, i) => want(id, i));
    const seen = new Set<string>();
    for (let turn = 0; turn < 3; turn += 1) {
      const asked = Object.keys(wantedAsks());
      expect(asked).toHaveLength(24);
      expect(asked.slice(0, 16)).toEqual(ids.slice(0, 16));
      for (const id of asked) {
        seen.add(id);
        keepAnswer({ id } as Answer);
      }
    }
    expect(seen.size).toBe(40);
    for (const end of ends) end();
  });

  it("can be downloaded, with quotes that cannot get out", () => {
    expect(conditionOf([{ field: "path", value: "/o'clock" }, { where: "status >= 500" }])).toBe(
      `"path" = '/o''clock' AND (status >= 500)`,
    );
    const link = downloadLink(
      { seconds: 300, filters: [{ field: "path", value: "/a" }], by: ["host"], limit: 50 },
      1000,
    );
    const query = new URLSearchParams(link.split("?")[1]);
    expect(link.startsWith("api/v1/query?")).toBe(true);
    expect(query.get("since")).toBe("700");
    expect(query.get("until")).toBe("1000");
    expect(query.get("format")).toBe("csv");
  });
});

describe("the link of a report", () => {
  it("has the span and the filters of what is shown", () => {
    const filters = [{ field: "path", value: "/it's" }, { where: "status >= 500" }];
    const link = reportLink({ seconds: 300, until: null, filters }, 1000.7);
    const query = new URL(link, "http://localhost/").searchParams;
    expect(query.get("since")).toBe("700");
    expect(query.get("until")).toBe("1000");
    expect(query.get("where")).toBe(`"path" = '/it''s' AND (status >= 500)`);
  });
});

describe("what is wrong with a filter", () => {
  it("is said without the option of the command line", () => {
    const filters = [{ field: "path", value: "/a" }, { where: "a: b(" }];
    expect(filterProblem("--where a: b(: a bracket is missing: (", filters)).toBe(
      "a bracket is missing: (",
    );
    expect(filterProblem("--where shortened…: no column: x", filters)).toBe("no column: x");
    expect(filterProblem("unknown field 'x'", filters)).toBe("unknown field 'x'");
    expect(filterProblem("", filters)).toBe("");
  });
});

describe("a filter that is wrong", () => {
  const problem =
    "no column 'staus' (did you mean 'status'?); put text in single quotes; columns: time, host, a_b";

  it("is corrected where the server knows what was meant", () => {
    expect(corrected("staus = 404 and x", problem)).toBe("status = 404 and x");
    expect(corrected("status >", "incomplete")).toBeNull();
    expect(corrected("other", problem)).toBeNull();
  });

  it("is a sentence without the names of all columns", () => {
    expect(asProblem(problem)).toBe(
      "No column 'staus' (did you mean 'status'?); put text in single quotes",
    );
  });
});
