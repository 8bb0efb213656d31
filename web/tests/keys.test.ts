import { describe, expect, it } from "vitest";

import { actionFor, ACTIONS, keyShown } from "../src/keys.ts";
import { matching } from "../src/components/dialogs.tsx";
import { link } from "../src/store.ts";
import { START } from "../src/link.ts";

function pressed(key: string, more: KeyboardEventInit = {}, target: Element = document.body) {
  document.body.append(target === document.body ? document.createElement("i") : target);
  const event = new KeyboardEvent("keydown", { key, bubbles: true, ...more });
  target.dispatchEvent(event);
  return actionFor(event)?.name ?? null;
}

describe("the table of keys", () => {
  it("gives no key to two actions, and words to each", () => {
    const keys = ACTIONS.flatMap((action) => action.keys);
    expect(new Set(keys).size).toBe(keys.length);
    for (const action of ACTIONS) expect(action.about).toMatch(/^[A-Z]/);
  });

  it("shows keys as people know them", () => {
    expect(["C-k", "ArrowDown", "Escape", "f"].map(keyShown)).toEqual(["Ctrl-K", "↓", "Esc", "f"]);
  });

  it("leaves keys to fields that somebody types into, except for the palette", () => {
    const field = document.createElement("input");
    expect(pressed("f")).toBe("filter");
    expect(pressed("f", {}, field)).toBeNull();
    expect(pressed("k", { ctrlKey: true }, field)).toBe("commands");
  });

  it("leaves the browser its own keys", () => {
    expect(pressed("f", { ctrlKey: true })).toBeNull();
    expect(pressed("ArrowLeft", { altKey: true })).toBeNull();
    // Outside of tables arrows scroll the page.
    expect(pressed("ArrowDown")).toBeNull();
    expect(pressed("Enter", {}, document.createElement("button"))).toBeNull();
  });

  it("does little on a wall screen", () => {
    link.value = { ...START, kiosk: true };
    expect(pressed("F")).toBeNull();
    expect(pressed("K")).toBe("kiosk");
    link.value = START;
  });
});

describe("the palette", () => {
  it("finds commands by the beginnings of their words, in any order", () => {
    expect(matching(ACTIONS, "sh lat").map((one) => one.name)).toEqual(["show-latency"]);
    expect(matching(ACTIONS, "window next").map((one) => one.name)).toEqual(["window"]);
    expect(matching(ACTIONS, "nothing of this")).toEqual([]);
    expect(matching(ACTIONS, "")).toHaveLength(ACTIONS.length);
  });
});
