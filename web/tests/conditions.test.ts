import { describe, expect, it } from "vitest";

import { conditionOf, downloadLink } from "../src/asks.ts";

/** The tokens of a condition by the rules of SQL; fails on a quote that does not end. */
function tokens(sql: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < sql.length) {
    const rest = sql.slice(at);
    const token =
      /^'(?:[^']|'')*'/.exec(rest) ??
      /^"(?:[^"]|"")*"/.exec(rest) ??
      /^(?:[\w.]+|\|\||[=(),]|\s+)/.exec(rest);
    if (!token) throw new Error(`not a token: ${rest.slice(0, 40)}`);
    found.push(token[0]);
    at += token[0].length;
  }
  return found.filter((one) => one.trim());
}

/** The text that an SQL expression of literals and chr(0) has. */
function textIn(parts: string[]): string {
  return parts
    .join("")
    .replace(/^\((.*)\)$/s, "$1")
    .split(/\|\|chr\(0\)\|\|/)
    .map((literal) => literal.slice(1, -1).replaceAll("''", "'"))
    .join("\0");
}

/** Numbers that look random, the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

const PIECES = [
  "'",
  "''",
  '"',
  "\\",
  "--",
  "/*",
  "*/",
  ";",
  "\0",
  "\n",
  " OR 1=1",
  ")",
  "(",
  "$$",
  "%",
  "é",
  "😀",
  "a",
  "E'",
  "chr(0)",
  "||",
];

describe("filters as one condition", () => {
  it("keep every value whole, whatever its characters are", () => {
    const random = randomFrom(7);
    for (let round = 0; round < 3000; round += 1) {
      const value = Array.from(
        { length: Math.floor(random() * 7) },
        () => PIECES[Math.floor(random() * PIECES.length)] ?? "",
      ).join("");
      const isNot = random() < 0.5;
      const filter = isNot ? { field: "host", value, not: true } : { field: "host", value };
      // Between others, so that a quote left open would be seen.
      const sql = conditionOf([
        { field: "path", value: "/a" },
        filter,
        { field: "method", value: "GET" },
      ]);
      // "||" and "chr(0)" only stand outside of literals where the value has a NUL.
      const found = tokens(sql);
      expect(found.slice(0, 4)).toEqual(['"path"', "=", "'/a'", "AND"]);
      expect(found.slice(-4)).toEqual(["AND", '"method"', "=", "'GET'"]);
      const middle = found.slice(4, -4);
      const operator = isNot ? ["IS", "DISTINCT", "FROM"] : ["="];
      expect(middle.slice(0, 1 + operator.length)).toEqual(['"host"', ...operator]);
      const literal = middle.slice(1 + operator.length);
      if (value.includes("\0"))
        expect(literal.filter((one) => one.startsWith("'")).length).toBe(value.split("\0").length);
      else expect(literal).toHaveLength(1);
      if (!/chr\(0\)|\|\|/.test(value)) expect(textIn(literal)).toBe(value);
      expect(sql).not.toContain("\0");
    }
  });

  it("quote names, and end comments of conditions", () => {
    expect(conditionOf([{ field: 'a"b', value: "" }])).toBe(`"a""b" = ''`);
    expect(conditionOf([{ where: "status = 500 -- why" }, { field: "host", value: "h" }])).toBe(
      `(status = 500 -- why\n) AND "host" = 'h'`,
    );
  });

  it("select what a table names so", () => {
    expect(conditionOf([{ field: "path", value: "(malformed)" }])).toBe('"path" IS NULL');
    expect(conditionOf([{ field: "path", value: "(malformed)", not: true }])).toBe(
      '"path" IS NOT NULL',
    );
    const link = downloadLink(
      { seconds: 60, filters: [{ field: "path", value: "/o'clock" }] },
      100,
    );
    expect(new URLSearchParams(link.split("?")[1]).get("where")).toBe(`"path" = '/o''clock'`);
  });
});
