// The mouse, fingers and keys in a chart, and its tooltip.

import type uPlot from "uplot";

import { formatUnit } from "../format.ts";
import { clock, fullTime } from "../spans.ts";
import { announced } from "../store.ts";
import type { ChartProps, Latest } from "./plot.ts";
import { fillTip, type TipLine } from "./tip.ts";

/** So near, in pixels, is a second tap one at the same place: a column is narrower than a finger. */
const NEAR = 24;

/** A finger cannot point without pressing: its first tap shows the values, a second one goes there. */
export class Taps {
  private isTouched = false;
  private shownAt: number | null = null;

  /** A finger comes down; `tip`: what shows the values. */
  touch(tip: HTMLElement | null): void {
    this.isTouched = true;
    if (!tip || tip.hidden) this.shownAt = null;
    // The style sheet says what a second tap does.
    tip?.classList.add("by-touch");
  }

  /** Where a click leads to; `null`: nowhere yet. */
  target(x: number): number | null {
    if (!this.isTouched) return x;
    this.isTouched = false;
    const shown = this.shownAt;
    const isAgain = shown !== null && Math.abs(shown - x) < NEAR;
    this.shownAt = isAgain ? null : x;
    return isAgain ? shown : null;
  }
}

/** Clicks and fingers; uPlot itself knows only a mouse that drags. */
export function follow(plot: uPlot, latest: Latest, tip: { current: HTMLElement | null }): void {
  let pressedAt = 0;
  const taps = new Taps();
  plot.over.addEventListener("mousedown", (event) => {
    pressedAt = event.clientX;
  });
  plot.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressedAt) > 4) return;
    const at = taps.target(plot.cursor.left ?? -1);
    const index = at === null ? null : columnAt(plot, latest.current, at);
    const time = index === null ? undefined : latest.current.x[index];
    if (time !== undefined) latest.current.onPick?.(time);
  });
  const touch = (event: TouchEvent) => {
    const finger = event.touches[0];
    if (!finger) return;
    const box = plot.over.getBoundingClientRect();
    plot.setCursor({ left: finger.clientX - box.left, top: finger.clientY - box.top });
  };
  plot.over.addEventListener(
    "touchstart",
    (event) => {
      taps.touch(tip.current);
      touch(event);
    },
    { passive: true },
  );
  plot.over.addEventListener("touchmove", touch, { passive: true });
}

/** The column under a position, which is not the nearest start of one. */
function columnAt(plot: uPlot, { x, step }: ChartProps, left: number): number | null {
  if (left < 0) return null;
  const time = plot.posToVal(left, "x");
  let low = 0;
  let high = x.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const start = x[middle] ?? 0;
    if (time < start) high = middle - 1;
    else if (time >= start + step) low = middle + 1;
    else return middle;
  }
  return null;
}

export function showTip(plot: uPlot, props: ChartProps, tip: HTMLDivElement | null): void {
  if (!tip) return;
  const left = plot.cursor.left ?? -1;
  const index = columnAt(plot, props, left);
  // Only the chart under the mouse has a tooltip; the others of the page have the crosshair.
  const isHere = plot.over.matches(":hover") || plot.root.parentElement === document.activeElement;
  if (index === null || !isHere) {
    tip.hidden = true;
    return;
  }
  const time = props.x[index] ?? 0;
  const lines: TipLine[] = [...props.series].reverse().map((series) => ({
    label: series.label,
    color: series.color,
    isLine: series.kind !== "stack",
    text: formatUnit(series.unit, series.values[index]),
    isNothing: !series.values[index] && series.kind === "stack",
  }));
  const marks = (props.shades ?? []).filter(
    (shade) => shade.from < time + props.step && shade.until > time,
  );
  fillTip(tip, fullTime(time, props.utc), lines, marks);
  tip.hidden = false;
  const wide = tip.offsetWidth;
  const all = plot.root.offsetWidth;
  const at = left + plot.over.offsetLeft;
  const x = at + 16 + wide > all ? at - 14 - wide : at + 14;
  tip.style.transform = `translate(${Math.round(Math.max(0, x))}px, 6px)`;
}

/** A column in words, for who hears the chart: its time, and the values that it has. */
export function columnText(
  { x, utc, series, shades = [], step }: ChartProps,
  index: number,
): string {
  const time = x[index] ?? 0;
  const values = series
    .filter((one) => one.values[index] != null)
    .map((one) => `${one.label} ${formatUnit(one.unit, one.values[index])}`);
  const marks = shades
    .filter((one) => one.from < time + step && one.until > time)
    .map((one) => one.label);
  return [clock(time, utc), ...(values.length ? values : ["nothing known"]), ...marks].join(", ");
}

export function moveCursor(event: KeyboardEvent, plot: uPlot | null, props: ChartProps): void {
  if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
  const count = props.x.length;
  let index = columnAt(plot, props, plot.cursor.left ?? -1) ?? count;
  if (event.key === "ArrowLeft") index -= 1;
  else if (event.key === "ArrowRight") index += 1;
  else if (event.key === "Home") index = 0;
  else if (event.key === "Enter" && index < count) {
    const time = props.x[index];
    if (time !== undefined) props.onPick?.(time);
  } else return;
  event.preventDefault();
  event.stopPropagation();
  index = Math.max(0, Math.min(count - 1, index));
  const time = props.x[index] ?? 0;
  plot.setCursor({ left: plot.valToPos(time + props.step / 2, "x"), top: 10 });
  announced.value = columnText(props, index);
}
