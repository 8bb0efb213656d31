import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

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
