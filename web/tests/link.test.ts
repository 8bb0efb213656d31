import { describe, expect, it } from "vitest";

import {
  askedFilters,
  filterText,
  linkProblems,
  parseLink,
  sortedBy,
  START,
  withFilter,
  withoutFilter,
  writeLink,
  type Link,
} from "../src/link.ts";

const FULL: Link = {
  view: "errors",
  window: 5400,
  until: 1_790_000_000,
  paused: true,
  filters: [
    { field: "path", value: "/a b?c=d&e:f" },
    { field: "host", value: "10.0.0.1", not: true },
    { where: "status >= 500 AND path LIKE '%+%'" },
    { where: "status BETWEEN 500 AND 599", label: "5xx" },
    { field: "agent", value: "" },
  ],
  compare: "week",
  zoom: "errors/status-path",
  sorts: [
    { table: "errors/status-path", measure: "p95", ascending: true },
    { table: "urls/x_request-id", measure: "5xx", ascending: false },
  ],
  chosen: "a:b",
  kiosk: true,
  utc: true,
};

describe("a link", () => {
  it("is empty where nothing differs from the start", () => {
    expect(writeLink(START)).toBe("");
    expect(parseLink("")).toEqual(START);
  });

  it("carries everything there and back", () => {
    expect(parseLink(writeLink(FULL))).toEqual(FULL);
  });

  it("can be read by people", () => {
    expect(
      writeLink({
        ...START,
        view: "urls",
        window: 3600,
        filters: [{ field: "path", value: "/login" }],
      }),
    ).toBe("?view=urls&window=1h&is=path:/login");
    expect(writeLink({ ...START, kiosk: true })).toBe("?kiosk");
  });

  it("says how tables are sorted, where that is not as at the start", () => {
    const sorts = sortedBy(START, "urls/path", { measure: "p95", ascending: true });
    expect(writeLink({ ...START, sorts })).toBe("?sort=urls/path:p95:up");
    const other = { ...START, sorts };
    expect(sortedBy(other, "urls/path", { measure: "5xx", ascending: false })).toHaveLength(1);
    expect(sortedBy(other, "urls/path", null)).toEqual([]);
    const bad = "?sort=path&sort=__proto__:x&sort=a:b:c";
    expect(parseLink(bad).sorts).toEqual([{ table: "__proto__", measure: "x", ascending: false }]);
    expect(linkProblems(bad, parseLink(bad))).toEqual([
      "sort=path: must be a table and a column, such as urls/path:p95",
    ]);
  });

  it("survives values of logs that are hostile", () => {
    for (const value of [
      "\u202e",
      "a&b=c#d",
      "100%",
      "%41",
      "'; --",
      "<script>",
      "a:b:c",
      "\n",
      "+",
      "日本",
    ]) {
      const link = { ...START, filters: [{ field: "path", value }] };
      expect(parseLink(writeLink(link))).toEqual(link);
    }
  });

  it("writes a lone surrogate as a replacement character instead of failing", () => {
    expect(writeLink({ ...START, filters: [{ field: "path", value: "\ud800" }] })).toBe(
      "?is=path:%EF%BF%BD",
    );
  });

  it.each([
    "?view=nothing",
    "?window=0",
    "?window=x",
    "?until=-5",
    "?until=abc",
    "?is=novalue",
    "?is=:x",
    "?is=bad-name:x",
    "?compare=year",
    "?where=+",
    "?paused",
  ])("ignores what it cannot read: %s", (search) => {
    expect(parseLink(search)).toEqual(START);
  });

  it("takes 20 filters at most", () => {
    expect(parseLink(`?${"is=path:/x&".repeat(50)}`).filters).toHaveLength(20);
  });
});

describe("filters", () => {
  const path = { field: "path", value: "/a" };

  it("are not there twice, and replace their opposite", () => {
    const once = withFilter(START, path);
    expect(withFilter(once, path).filters).toEqual([path]);
    expect(withFilter(once, { ...path, not: true }).filters).toEqual([{ ...path, not: true }]);
  });

  it("can be removed", () => {
    expect(withoutFilter(withFilter(START, path), path).filters).toEqual([]);
  });

  it("are asked without their labels", () => {
    expect(
      askedFilters([{ where: "status >= 500", label: "5xx" }, path, { ...path, not: true }]),
    ).toEqual([{ where: "status >= 500" }, path, { ...path, not: true }]);
  });

  it("are written for people", () => {
    expect(filterText(path)).toBe("path = /a");
    expect(filterText({ ...path, not: true })).toBe("path ≠ /a");
    expect(filterText({ where: "x", label: "5xx" })).toBe("5xx");
    expect(filterText({ field: "user", value: "" })).toBe("user = (empty)");
  });
});

describe("a link with what there is not", () => {
  it.each([
    ["?view=nope", "view=nope: must be one of overview, urls"],
    ["?window=banana", "window=banana: must be a time such as 5m"],
    ["?view=urls&window=9999d", "window=9999d: must be a time"],
    ["?until=yesterday", "until=yesterday: must be whole seconds"],
    ["?compare=month", "compare=month: must be one of none, before, day, week"],
    ["?is=path", "is=path: must be a field and a value, such as is=path:/login"],
    ["?span=1h", "span: did you mean window=1h?"],
    ["?filter=((", "filter: did you mean where=((?"],
    ["?View=urls", "View: did you mean view=urls?"],
    ["?xyzzy=1", "xyzzy: unknown; a link has view, window"],
  ])("%s is misread, and named", (search, problem) => {
    const found = linkProblems(search, parseLink(search));
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith(problem)).toBe(true);
  });

  it("names several mistakes, not endlessly, and not the whole of a long value", () => {
    const search = `?view=${"n".repeat(500)}&${"abcdefgh".split("").join("=1&")}=1`;
    const found = linkProblems(search, parseLink(search));
    expect(found).toHaveLength(4);
    expect(found.join("").length).toBeLessThan(800);
    const many = `?${"is=host:a&".repeat(21)}`;
    expect(linkProblems(many, parseLink(many))).toEqual(["21 filters: the first 20 are used"]);
  });

  it.each(["", "?view=urls", "?view=overview&window=300s&kiosk=1", "?where=x(&words=x&utc"])(
    "%s is not",
    (search) => {
      expect(linkProblems(search, parseLink(search))).toEqual([]);
    },
  );
});
