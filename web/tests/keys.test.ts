import { describe, expect, it, vi } from "vitest";

import { actionFor, ACTIONS, keyShown } from "../src/keys.ts";
import { matching } from "../src/components/dialogs.tsx";
import { link } from "../src/store.ts";
import { setSingleKeys, withKey } from "../src/single_keys.ts";
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

  it("can be without single characters, which is remembered", () => {
    const held: Record<string, string> = {};
    vi.stubGlobal("localStorage", { setItem: (key: string, value: string) => (held[key] = value) });
    setSingleKeys(false);
    expect(held).toEqual({ "glancemetrics-keys": "off" });
    for (const { keys } of ACTIONS)
      for (const key of keys) if (key.length === 1) expect(pressed(key)).toBeNull();
    expect(pressed("?")).toBeNull();
    expect(pressed("k", { ctrlKey: true })).toBe("commands");
    expect(pressed("Escape")).toBe("leave");
    expect(pressed("End")).toBe("live");
    expect(withKey("Pause", "p")).toBe("Pause");
    setSingleKeys(true);
    expect(pressed("?")).toBe("help");
    expect(withKey("Pause", "p")).toBe("Pause (p)");
    vi.unstubAllGlobals();
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
