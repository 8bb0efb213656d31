import { render } from "preact";
import { afterEach, describe, expect, it } from "vitest";

import { Delta } from "../src/components/delta.tsx";
import { Text } from "../src/components/text.tsx";
import { fillTip } from "../src/charts/tip.ts";
import { changeOf } from "../src/format.ts";

const root = document.createElement("div");
afterEach(() => render(null, root));

describe("text of a log", () => {
  it("never becomes markup", () => {
    for (const value of [
      "<img src=x onerror=alert(1)>",
      "<script>1</script>",
      "&lt;b&gt;",
      "javascript:1",
    ]) {
      render(<Text value={value} isUrl />, root);
      expect(root.querySelector("img, script, b, a")).toBeNull();
      expect(root.textContent).toBe(value);
    }
  });

  it("has its escapes in a color of their own", () => {
    render(<Text value={"a\u202eb"} />, root);
    expect(root.querySelector(".escaped")?.textContent).toBe("\\u202e");
    // What only looks like an escape is text of the log.
    render(<Text value={"a\\u202eb"} />, root);
    expect(root.querySelector(".escaped")).toBeNull();
  });

  it("is said to be empty where it is", () => {
    render(<Text value="" />, root);
    expect(root.textContent).toBe("(empty)");
  });

  it("never becomes markup in a tooltip either", () => {
    fillTip(
      root,
      "now",
      [{ label: "<i>", color: "--c-2xx", isLine: false, text: "<b>", isNothing: false }],
      [{ from: 0, until: 1, severity: "info", label: "<u>" }],
    );
    expect(root.querySelector("u")).toBeNull();
    expect(root.querySelector("b b, span i")).toBeNull();
    root.replaceChildren();
  });
});

describe("a tooltip", () => {
  it("names the worst four incidents in their own colors, and counts the others", () => {
    const marks = Array.from({ length: 11 }, (_, i) => ({
      from: 0,
      until: 1,
      severity: i === 10 ? ("critical" as const) : ("warning" as const),
      label: `incident ${i}`,
    }));
    fillTip(root, "now", [], marks);
    const shown = [...root.querySelectorAll(".tip-mark")];
    expect(shown.map((one) => one.textContent)).toEqual([
      "incident 10",
      "incident 0",
      "incident 1",
      "incident 2",
      "and 7 more",
    ]);
    expect(shown.map((one) => one.className.slice(9))).toEqual([
      "critical",
      "warning",
      "warning",
      "warning",
      "",
    ]);
    root.replaceChildren();
  });
});

describe("a change", () => {
  it("is said in words as well as by an arrow", () => {
    render(<Delta change={changeOf(150, 100)} />, root);
    expect(root.textContent).toBe("up by50 %");
  });

  it("is a dash where it is unknown", () => {
    render(<Delta change={null} />, root);
    expect(root.textContent).toBe("–");
  });
});
