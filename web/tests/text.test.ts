import { describe, expect, it } from "vitest";

import { escapeOf, pieces, readable, valueText, visible } from "../src/text.ts";

/** A small random generator, so that a failure can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

const HOSTILE = [
  "\u202e",
  "\u202a",
  "\u2066",
  "\u2069",
  "\u200b",
  "\u200d",
  "\u200f",
  "\ufeff",
  "\x00",
  "\x07",
  "\x1b[2J",
  "\x7f",
  "\x85",
  "\ud800",
  "\udfff",
  "\u2028",
  "\u2029",
  "\u034f",
  "\u3164",
  "\u{e0041}",
  "\u{e0100}",
  "\ue000",
  "\u0301".repeat(30),
  "\u180e",
  "\u00ad",
];
const HARMLESS = [
  "/login",
  "café",
  "東京",
  "😀",
  "Ж",
  "שלום",
  "<b>",
  "&amp;",
  "a b",
  "\u0065\u0301",
];

describe("text of logs", () => {
  it("stays as it is when there is nothing to hide", () => {
    for (const text of HARMLESS) expect(visible(text)).toBe(text);
  });

  it.each([
    ["\u202e", "\\u202e"],
    ["\x1b", "\\x1b"],
    ["\u{e0041}", "\\U000e0041"],
    ["\ud800", "\\ud800"],
    ["\u200b", "\\u200b"],
    ["\u2028", "\\u2028"],
  ])("writes %j as an escape", (character, escape) => {
    expect(escapeOf(character)).toBe(escape);
    expect(pieces(`a${character}b`)).toEqual([
      { text: "a", escaped: false },
      { text: escape, escaped: true },
      { text: "b", escaped: false },
    ]);
  });

  it("keeps a few marks on a letter and escapes a stack of them", () => {
    expect(visible("e\u0301")).toBe("e\u0301");
    expect(visible(`e${"\u0301".repeat(5)}`)).toBe("e\u0301\u0301\u0301\\u0301\\u0301");
    expect(visible("\u0301")).toBe("\\u0301");
  });

  it("shows spaces of all widths as spaces", () => {
    expect(visible("a\u00a0b\u3000c")).toBe("a b c");
  });

  it("never lets a hidden character through, whatever surrounds it", () => {
    const random = randomOf(42);
    const all = [...HOSTILE, ...HARMLESS];
    for (let round = 0; round < 2000; round += 1) {
      let text = "";
      const length = Math.floor(random() * 12);
      for (let i = 0; i < length; i += 1) text += all[Math.floor(random() * all.length)] ?? "";
      const shown = visible(text);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
      expect(shown).not.toMatch(/\p{M}{4}/u);
      // Shown text has nothing left to escape.
      expect(visible(shown)).toBe(shown);
      expect(
        pieces(text)
          .map((piece) => piece.text)
          .join(""),
      ).toBe(shown);
    }
  });

  it("handles every code point of the basic plane", () => {
    for (let code = 0; code < 0x10000; code += 1) {
      const shown = visible(`x${String.fromCharCode(code)}y`);
      expect(shown.startsWith("x") && shown.endsWith("y")).toBe(true);
      expect(
        /[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ud800-\udfff\u0000-\u001f]/.test(shown),
      ).toBe(false);
    }
  });
});

describe("percent-encoded text", () => {
  it("is decoded where it is a letter", () => {
    expect(readable("/caf%C3%A9/%E6%9D%B1")).toBe("/café/東");
  });

  it("stays encoded where it is ASCII or no letter at all", () => {
    expect(readable("/a%2Fb%2e%2e%00")).toBe("/a%2Fb%2e%2e%00");
    expect(readable("/%ff%fe")).toBe("/%ff%fe");
  });

  it("still shows encoded overrides as escapes", () => {
    expect(visible(readable("/%E2%80%AEgnp"))).toBe("/\\u202egnp");
  });
});

describe("values", () => {
  it("are texts, whatever the JSON has", () => {
    expect(valueText(null)).toBe("–");
    expect(valueText(undefined)).toBe("–");
    expect(valueText(12)).toBe("12");
    expect(valueText({ a: 1 })).toBe('{"a":1}');
    expect(valueText("x".repeat(9000)).length).toBe(4001);
  });
});
