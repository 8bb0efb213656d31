// The tooltip of a chart: plain nodes with text, no markup.

import type { Shade } from "./marks.ts";

/** A tooltip is as high as a chart at most. */
const MOST_MARKS = 4;
const SEVERITIES = ["critical", "warning", "info"];

export interface TipLine {
  label: string;
  color: string;
  isLine: boolean;
  text: string;
  /** Nothing there: written dim. */
  isNothing: boolean;
}

function element(name: string, looks: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  made.className = looks;
  if (text) made.textContent = text;
  return made;
}

export function fillTip(tip: HTMLElement, title: string, lines: TipLine[], marks: Shade[]): void {
  const rows = lines.map((line) => {
    const row = element("div", line.isNothing ? "tip-row nothing" : "tip-row");
    const swatch = element("i", line.isLine ? "swatch line" : "swatch");
    swatch.style.background = `var(${line.color})`;
    row.append(swatch, element("span", "tip-label", line.label), element("b", "", line.text));
    return row;
  });
  const worstFirst = [...marks].sort(
    (one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity),
  );
  const more = marks.length - MOST_MARKS;
  tip.replaceChildren(
    element("div", "tip-time", title),
    ...rows,
    ...worstFirst
      .slice(0, MOST_MARKS)
      .map((one) => element("div", `tip-mark ${one.severity}`, one.label)),
    ...(more > 0 ? [element("div", "tip-mark", `and ${more} more`)] : []),
  );
}
