// How response times are distributed over time: a column for each step, a row for each bound.

import { useLayoutEffect, useRef } from "preact/hooks";

import { formatCount } from "../format.ts";
import { useWidth } from "../hooks.ts";
import { fullTime } from "../spans.ts";
import { isDark, styleValue } from "../theme.ts";
import { timeLabels, TIME_STEPS } from "./axes.ts";
import { hatch } from "./marks.ts";
import { Taps } from "./pointer.ts";
import { between, unknownSpans, type Columns, type Values } from "./series.ts";
import { DataTable } from "./data_table.tsx";

interface Props {
  columns: Columns;
  /** Rising: "1ms", "3ms", …; above the last one is one row more. */
  bounds: string[];
  height: number;
  utc: boolean;
  onPick: (time: number) => void;
}

const LEFT = 54;
const BOTTOM = 26;
const TOP = 8;

export function rowsOf(columns: Columns, bounds: string[]): Values[] {
  const under = bounds.map((bound) => columns.values[`under_${bound}`] ?? []);
  return between(under, columns.values.timed ?? []);
}

function rowName(bounds: string[], row: number): string {
  const upper = bounds[row];
  return upper === undefined ? `over ${spaced(bounds[row - 1] ?? "")}` : `under ${spaced(upper)}`;
}

const spaced = (bound: string) => bound.replace(/(\d)([a-z])/, "$1 $2");

export function HeatMap({ columns, bounds, height, utc, onPick }: Props) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const taps = useRef(new Taps());
  const rows = rowsOf(columns, bounds);
  const dark = isDark.value;

  useLayoutEffect(() => {
    const node = canvas.current;
    if (node && width) draw(node, width, height, rows, columns, bounds, utc);
  }, [columns, width, height, utc, dark]);

  const cellAt = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const column = Math.floor(
      ((event.clientX - box.left - LEFT * rem) / (box.width - LEFT * rem - 8)) * columns.x.length,
    );
    const row =
      rows.length -
      1 -
      Math.floor(((event.clientY - box.top - TOP) / (height - BOTTOM * rem - TOP)) * rows.length);
    return { column, row, x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const all = rows.map((row) => row.reduce<number>((sum, value) => sum + (value ?? 0), 0));
  const most = all.indexOf(Math.max(...all));
  return (
    <div class="chart heat-map" ref={holder}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Distribution of response times over time. Most requests took ${rowName(bounds, most)}${most > 0 ? ` and at least ${spaced(bounds[most - 1] ?? "")}` : ""}.`}
        onMouseMove={(event) => {
          const node = tip.current;
          const { column, row, x, y } = cellAt(event);
          const time = columns.x[column];
          const value = rows[row]?.[column];
          if (!node || time === undefined || value === undefined) {
            if (node) node.hidden = true;
            return;
          }
          const lower = bounds[row - 1];
          const range =
            lower === undefined || row >= bounds.length
              ? rowName(bounds, row)
              : `${spaced(lower)} to ${spaced(bounds[row] ?? "")}`;
          node.textContent = `${fullTime(time, utc)}\n${range}: ${value === null ? "unknown" : formatCount(value)}`;
          node.hidden = false;
          const at = x + 16 + node.offsetWidth > width ? x - 12 - node.offsetWidth : x + 14;
          node.style.transform = `translate(${at}px, ${Math.max(0, y - 20)}px)`;
        }}
        onMouseLeave={() => tip.current && (tip.current.hidden = true)}
        onTouchStart={() => taps.current.touch(tip.current)}
        onClick={(event) => {
          const { column, x } = cellAt(event);
          const time = columns.x[column];
          if (time !== undefined && taps.current.target(x) !== null) onPick(time);
        }}
      />
      <div class="tip lines" ref={tip} hidden />
      <DataTable
        label="Distribution of response times"
        summary=""
        x={columns.x}
        step={columns.step}
        height={height}
        utc={utc}
        series={rows.map((values, row) => ({
          label: rowName(bounds, row),
          color: "--c-p50",
          kind: "line",
          unit: "count",
          values,
        }))}
      />
    </div>
  );
}

function draw(
  node: HTMLCanvasElement,
  width: number,
  height: number,
  rows: Values[],
  { x, step }: Columns,
  bounds: string[],
  utc: boolean,
): void {
  const ratio = devicePixelRatio || 1;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  node.width = width * ratio;
  node.height = height * ratio;
  node.style.width = `${width}px`;
  node.style.height = `${height}px`;
  const pen = node.getContext("2d");
  if (!pen) return;
  pen.scale(ratio, ratio);
  const left = LEFT * rem;
  const wide = (width - left - 8) / Math.max(1, x.length);
  const high = (height - BOTTOM * rem - TOP) / rows.length;
  const most = Math.max(1, ...rows.flatMap((row) => row.map((value) => value ?? 0)));
  pen.font = `${Math.round(11 * rem)}px ${styleValue("--font")}`;
  pen.textBaseline = "middle";
  for (const [from, until] of unknownSpans({ x, step }, rows)) {
    const at = left + ((from - (x[0] ?? 0)) / step) * wide;
    hatch(pen, at, TOP, ((until - from) / step) * wide, high * rows.length, 7 * rem);
  }
  rows.forEach((row, i) => {
    const top = TOP + (rows.length - 1 - i) * high;
    row.forEach((value, column) => {
      pen.fillStyle = styleCache("--c-heat-empty");
      pen.globalAlpha = 1;
      if (value) {
        pen.fillStyle = styleCache(i >= 8 ? "--c-5xx" : i >= 6 ? "--c-4xx" : "--c-heat");
        // A single slow request among thousands must be seen: not linear.
        pen.globalAlpha = 0.16 + 0.84 * Math.sqrt(value / most);
      }
      if (value !== null)
        pen.fillRect(left + column * wide, top + 0.5, Math.max(1, wide - 1), high - 1);
    });
  });
  pen.globalAlpha = 1;
  pen.fillStyle = styleCache("--dim");
  pen.textAlign = "right";
  const nth = high < 13 * rem ? 2 : 1;
  bounds.forEach((bound, i) => {
    if (i % nth === 0) pen.fillText(spaced(bound), left - 8, TOP + (rows.length - 1 - i) * high);
  });
  pen.textAlign = "center";
  const labels = Math.max(1, Math.floor((width - left) / (90 * rem)));
  const least = (x.length * step) / labels;
  const every = TIME_STEPS.find((one) => one >= least && one % step === 0) ?? 86_400 * 30;
  x.forEach((time, i) => {
    const text = timeLabels([time], every, utc)[0] ?? "";
    if (time % every === 0) pen.fillText(text, left + i * wide, height - 11 * rem);
  });
  cache.clear();
}

const cache = new Map<string, string>();

/** Colors are read once a drawing: thousands of cells have three of them. */
function styleCache(name: string): string {
  const found = cache.get(name) ?? styleValue(name);
  cache.set(name, found);
  return found;
}
