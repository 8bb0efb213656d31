// The tooltip of a chart: plain nodes with text, no markup.

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

export function fillTip(tip: HTMLElement, title: string, lines: TipLine[], marks: string[]): void {
  const rows = lines.map((line) => {
    const row = element("div", line.isNothing ? "tip-row nothing" : "tip-row");
    const swatch = element("i", line.isLine ? "swatch line" : "swatch");
    swatch.style.background = `var(${line.color})`;
    row.append(swatch, element("span", "tip-label", line.label), element("b", "", line.text));
    return row;
  });
  tip.replaceChildren(
    element("div", "tip-time", title),
    ...rows,
    ...marks.map((text) => element("div", "tip-mark", text)),
  );
}
