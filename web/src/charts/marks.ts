// What stands behind and before the series of a chart: shaded incidents, the span, the limit.

import type uPlot from "uplot";

import { styleValue } from "../theme.ts";

export interface Shade {
  from: number;
  until: number;
  severity: "critical" | "warning" | "info";
  label: string;
}

export interface Limit {
  value: number;
  label: string;
  /** Drawn however far above the values it is. */
  always?: boolean;
}

/** The most severe last, to be drawn over the others. */
const ORDER = { info: 0, warning: 1, critical: 2 };

export type Band = Omit<Shade, "label">;

/** The times that incidents cover, each once, with the worst severity: many are no wall of color. */
export function bandsOf(shades: Shade[]): Band[] {
  const edges = [...new Set(shades.flatMap((one) => [one.from, one.until]))].sort((a, b) => a - b);
  const found: Band[] = [];
  edges.forEach((from, i) => {
    const until = edges[i + 1];
    if (until === undefined) return;
    const worst = worstOf(shades.filter((one) => one.from <= from && one.until >= until));
    if (worst === null) return;
    const last = found[found.length - 1];
    if (last?.until === from && last.severity === worst) last.until = until;
    else found.push({ from, until, severity: worst });
  });
  // Those that began and ended in one second cover no time, but they happened.
  const moments = shades.filter((one) => one.from === one.until);
  for (const { from, until, severity } of moments) {
    const isCovered = found.some(
      (one) => one.from <= from && one.until >= until && ORDER[one.severity] >= ORDER[severity],
    );
    if (!isCovered) found.push({ from, until, severity });
  }
  return found.sort((one, other) => ORDER[one.severity] - ORDER[other.severity]);
}

function worstOf(shades: Shade[]): Shade["severity"] | null {
  return shades.reduce<Shade["severity"] | null>(
    (worst, { severity }) => (worst && ORDER[worst] >= ORDER[severity] ? worst : severity),
    null,
  );
}

/** Draws incidents as shaded spans, with a bar at the top: not by color alone. */
export function drawUnder(
  plot: uPlot,
  shades: Shade[],
  span: [number, number] | null,
  unknown: [number, number][],
): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const [from, until] of unknown) {
    const left = plot.valToPos(from, "x", true);
    hatch(
      ctx,
      left,
      bbox.top,
      plot.valToPos(until, "x", true) - left,
      bbox.height,
      7 * rem * ratio,
    );
  }
  if (span) {
    const left = plot.valToPos(span[0], "x", true);
    ctx.fillStyle = styleValue("--c-span");
    ctx.fillRect(left, bbox.top, plot.valToPos(span[1], "x", true) - left, bbox.height);
  }
  for (const shade of bandsOf(shades)) {
    const left = plot.valToPos(shade.from, "x", true);
    // A short incident in a long chart can still be seen.
    const wide = Math.max(2 * ratio, plot.valToPos(shade.until, "x", true) - left);
    ctx.fillStyle = styleValue(`--c-${shade.severity}-shade`);
    ctx.fillRect(left, bbox.top, wide, bbox.height);
    // What is only for information must not look like a border of the chart.
    const isInfo = shade.severity === "info";
    ctx.globalAlpha = isInfo ? 0.45 : 1;
    ctx.fillStyle = styleValue(`--c-${shade.severity}`);
    ctx.fillRect(left, bbox.top, wide, (isInfo ? 1.5 : 3) * rem * ratio);
    ctx.globalAlpha = 1;
  }
  ctx.restore();
}

/** Hatches an area: unknown is not the same as nothing. */
export function hatch(
  ctx: CanvasRenderingContext2D,
  left: number,
  top: number,
  wide: number,
  high: number,
  every: number,
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, wide, high);
  ctx.clip();
  ctx.strokeStyle = styleValue("--c-unknown");
  ctx.lineWidth = every / 7;
  ctx.beginPath();
  for (let x = Math.floor((left - high) / every) * every; x < left + wide; x += every) {
    ctx.moveTo(x, top + high);
    ctx.lineTo(x + high, top);
  }
  ctx.stroke();
  ctx.restore();
}

/** Draws the limit of a rule, dashed, with its name. */
export function drawOver(plot: uPlot, limit: Limit | null): void {
  if (!limit) return;
  const { ctx, bbox } = plot;
  const top = plot.scales.y?.max ?? 0;
  if (limit.value > top) return;
  const ratio = devicePixelRatio || 1;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const y = plot.valToPos(limit.value, "y", true);
  ctx.save();
  ctx.strokeStyle = styleValue("--c-limit");
  ctx.lineWidth = 1.25 * rem * ratio;
  ctx.setLineDash([6 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = `600 ${Math.round(10.5 * rem * ratio)}px ${styleValue("--font")}`;
  const wide = ctx.measureText(limit.label).width;
  const high = 15 * rem * ratio;
  const isBelow = y - high < bbox.top;
  ctx.fillStyle = styleValue("--card");
  ctx.globalAlpha = 0.85;
  const left = bbox.left + 6 * ratio;
  ctx.fillRect(
    left - 3 * ratio,
    isBelow ? y + 2 * ratio : y - high - 1 * ratio,
    wide + 6 * ratio,
    high,
  );
  ctx.globalAlpha = 1;
  ctx.fillStyle = styleValue("--c-limit");
  // Axes leave their own alignment behind.
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(limit.label, left, isBelow ? y + high - 2 * ratio : y - 4.5 * ratio);
  ctx.restore();
}
