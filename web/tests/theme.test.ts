import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { dataOf, type ChartProps } from "../src/charts/plot.ts";
import { isDark, nextTheme, setTheme } from "../src/theme.ts";

const styles = readFileSync("src/styles/tokens.css", "utf8");

describe("the colors", () => {
  it("stand in one place for each theme", () => {
    const [light = "", dark = "", ...more] = styles.split(/^:root/m).slice(1);
    expect(more).toEqual([]);
    const names = (text: string) => [...text.matchAll(/^\s*(--[\w-]+):/gm)].map((one) => one[1]);
    expect(new Set(names(dark)).size).toBe(names(dark).length);
    // What is dark has a light color, too; only fonts are the same in both.
    const onlyLight = names(light).filter((name) => !names(dark).includes(name));
    expect(onlyLight).toEqual(["--font", "--mono"]);
    expect(names(dark).filter((name) => !names(light).includes(name))).toEqual([]);
  });
});

function luminance(color: string): number {
  const wide = color.length === 4 ? color.replace(/[^#]/g, "$&$&") : color;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(wide.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe("the line of the time before", () => {
  const [, ...themes] = styles.split(/^:root/m);
  it.each(themes)("is seen over bars of any color", (theme) => {
    const of = (name: string) =>
      luminance(new RegExp(`${name}: (#\\w+);`).exec(theme)?.[1] ?? "#000");
    const contrast = (one: number, other: number) =>
      (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const line = of("--c-ghost");
    expect(contrast(line, of("--c-2xx"))).toBeGreaterThan(3);
    // Over other bars its halo is seen, which is as the card.
    expect(contrast(line, of("--card"))).toBeGreaterThan(7);
  });

  it("has a halo under it", () => {
    const series = [
      { label: "2xx", color: "--c-2xx", kind: "stack", unit: "rate", values: [2] },
      { label: "before", color: "--c-ghost", kind: "ghost", unit: "rate", values: [1] },
    ] as const;
    const props = {
      x: [0],
      series: [...series].map((one) => ({ ...one, values: [...one.values] })),
    };
    expect(dataOf(props as unknown as ChartProps)).toEqual([[0], [2], [1], [1]]);
  });
});

describe("the theme", () => {
  it("is what was chosen, else what the system has", () => {
    const attribute = () => document.documentElement.dataset.theme;
    setTheme("dark");
    expect([attribute(), isDark.value]).toEqual(["dark", true]);
    setTheme("light");
    expect([attribute(), isDark.value]).toEqual(["light", false]);
    setTheme("auto");
    expect(attribute()).toBe(isDark.value ? "dark" : "light");
  });

  it("changes to what can be seen at once, and comes round", () => {
    setTheme("auto");
    const before = isDark.value;
    setTheme(nextTheme());
    expect(isDark.value).toBe(!before);
    setTheme(nextTheme());
    expect(isDark.value).toBe(before);
    setTheme(nextTheme());
    expect(nextTheme()).toBe(before ? "light" : "dark");
  });
});
