// One chart over time: a canvas drawn by uPlot, with crosshair, tooltip, shaded incidents, limit.
//
// uPlot is created once and then only given new numbers. The tooltip is moved outside of Preact:
// a mouse that moves must not render the page.

import { effect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

import { formatUnit, type ValueUnit } from "../format.ts";
import { fullTime } from "../spans.ts";
import { isDark, styleValue } from "../theme.ts";
import { DataTable } from "./data_table.tsx";
import { niceTop, timeLabels, DECIMAL_STEPS, TIME_STEPS } from "./axes.ts";
import { drawUnder, drawOver, type Limit, type Shade } from "./marks.ts";
import { fillTip, type TipLine } from "./tip.ts";
import { stacked, largest, unknownSpans, type Values } from "./series.ts";

export type { Limit, Shade };

export interface Series {
  label: string;
  /** A custom property with its color. */
  color: string;
  kind: "stack" | "line" | "area" | "ghost";
  /** `right`: a second axis, for shares. */
  side?: "right";
  unit: ValueUnit;
  values: Values;
}

export interface ChartProps {
  label: string;
  summary: string;
  x: number[];
  step: number;
  series: Series[];
  height: number;
  utc: boolean;
  shades?: Shade[];
  limit?: Limit | null;
  /** The span that figures and tables are of, where it is a part of the chart. */
  span?: [number, number] | null;
  /** Spans that nothing is known of; without it, where no series has a value. */
  unknown?: [number, number][];
  onZoom?: (since: number, until: number) => void;
  onPick?: (time: number) => void;
  hasTable?: boolean;
}

interface Live {
  plot: uPlot;
  shape: string;
}

export function Chart(props: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const live = useRef<Live | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [looks, setLooks] = useState(0);

  // Colors of a canvas do not follow the theme by themselves.
  useEffect(() => {
    let isFirst = true;
    const stop = effect(() => {
      void isDark.value;
      if (!isFirst) requestAnimationFrame(() => setLooks((count) => count + 1));
      isFirst = false;
    });
    void document.fonts?.ready.then(() => setLooks((count) => count + 1));
    return stop;
  }, []);

  useLayoutEffect(() => {
    const node = holder.current;
    if (!node) return;
    const observer = new ResizeObserver(() => {
      const plot = live.current?.plot;
      if (plot && node.clientWidth) {
        plot.setSize({ width: node.clientWidth, height: latest.current.height });
      }
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
      live.current?.plot.destroy();
      live.current = null;
    };
  }, []);

  useLayoutEffect(() => {
    const node = holder.current;
    if (!node || !node.clientWidth) return;
    const shape = [
      looks,
      props.utc,
      ...props.series.map((one) => `${one.label}/${one.color}/${one.kind}/${one.side ?? ""}`),
    ].join("|");
    const data = dataOf(props);
    if (live.current?.shape === shape) {
      live.current.plot.setData(data);
    } else {
      live.current?.plot.destroy();
      const plot = new uPlot(options(node.clientWidth, latest, tip), data, node);
      follow(plot, latest);
      live.current = { plot, shape };
    }
  });

  useLayoutEffect(() => {
    const node = holder.current;
    if (live.current && node?.clientWidth) {
      live.current.plot.setSize({ width: node.clientWidth, height: props.height });
    }
  }, [props.height]);

  return (
    <div class="chart">
      <div
        class="chart-canvas"
        ref={holder}
        role="img"
        tabIndex={0}
        aria-label={`${props.label}. ${props.summary}`}
        data-height={props.height}
        onKeyDown={(event) => moveCursor(event, live.current?.plot ?? null, latest.current)}
        onBlur={() => live.current?.plot.setCursor({ left: -10, top: -10 })}
      />
      <div class="tip" ref={tip} hidden />
      {props.hasTable !== false && <DataTable {...props} />}
    </div>
  );
}

/** What nothing is known of: the quantiles of a quiet time are unknown, but its requests are not. */
function unknownIn(props: ChartProps): [number, number][] {
  return (
    props.unknown ??
    unknownSpans(
      props,
      props.series.filter((one) => one.kind !== "ghost").map((one) => one.values),
    )
  );
}

/** `5 %`, not `5.0 %`: an axis has round values. */
function axisText(unit: ValueUnit, value: number): string {
  return formatUnit(unit, value).replace(".0 ", " ");
}

function inOrder(series: Series[]): { series: Series; values: Values }[] {
  const stack = series.filter((one) => one.kind === "stack");
  const sums = stacked(stack.map((one) => one.values));
  // The highest sum is drawn first, and the lower ones over it.
  const bars = stack.map((one, i) => ({ series: one, values: sums[i] ?? [] })).reverse();
  const others = series
    .filter((one) => one.kind !== "stack")
    .map((one) => ({ series: one, values: one.values }));
  return [...bars, ...others];
}

function dataOf(props: ChartProps): uPlot.AlignedData {
  return [props.x, ...inOrder(props.series).map((one) => one.values)] as uPlot.AlignedData;
}

function options(
  width: number,
  latest: { current: ChartProps },
  tip: { current: HTMLDivElement | null },
): uPlot.Options {
  const props = latest.current;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const font = `${Math.round(11 * rem)}px ${styleValue("--font")}`;
  const ink = styleValue("--dim");
  const grid = { stroke: styleValue("--grid"), width: 1 };
  const unit = props.series[0]?.unit ?? "count";
  const hasRight = props.series.some((one) => one.side === "right");
  return {
    width,
    height: props.height,
    padding: [8 * rem, hasRight ? 0 : 18 * rem, 0, 0],
    tzDate: (time) =>
      latest.current.utc ? uPlot.tzDate(new Date(time * 1000), "Etc/UTC") : new Date(time * 1000),
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      sync: { key: "time", setSeries: false },
    },
    scales: {
      x: {
        time: true,
        range: () => {
          const { x, step } = latest.current;
          return [x[0] ?? 0, (x[x.length - 1] ?? 1) + step];
        },
      },
      y: {
        range: () => {
          const { series, limit } = latest.current;
          const shown = inOrder(series).filter((one) => one.series.side !== "right");
          const most = Math.max(0, ...shown.map((one) => largest(one.values)));
          // A limit far above would press the traffic flat: then it is not drawn.
          const withLimit = limit && (limit.always || limit.value <= 3 * most) ? limit.value : 0;
          return [
            0,
            niceTop(
              Math.max(most, withLimit),
              unit === "share" ? 0.01 : unit === "seconds" ? 0.001 : 1,
            ),
          ];
        },
      },
      r: {
        range: () => {
          const right = latest.current.series.filter((one) => one.side === "right");
          const most = Math.max(0, ...right.map((one) => largest(one.values)));
          return [0, Math.min(1, Math.max(0.05, most * 1.25))];
        },
      },
    },
    series: [
      {},
      ...inOrder(props.series).map(({ series }): uPlot.Series => {
        const color = styleValue(series.color);
        const common = {
          label: series.label,
          scale: series.side === "right" ? "r" : "y",
          points: { show: false },
        };
        if (series.kind === "stack") {
          return {
            ...common,
            fill: color,
            width: 0,
            paths: uPlot.paths.bars?.({ size: [0.84, 64], align: 1, gap: 0 }),
          } as uPlot.Series;
        }
        const at: Partial<uPlot.Series> = { paths: middled(latest) };
        if (series.kind === "ghost")
          return {
            ...common,
            ...at,
            stroke: color,
            width: 1.5 * rem,
            dash: [5, 4],
          } as uPlot.Series;
        const area =
          series.kind === "area" ? { fill: `color-mix(in srgb, ${color} 14%, transparent)` } : {};
        return {
          ...common,
          ...at,
          ...area,
          stroke: color,
          width: (series.side === "right" ? 1.25 : 1.75) * rem,
        } as uPlot.Series;
      }),
    ],
    axes: [
      {
        stroke: ink,
        font,
        size: 26 * rem,
        gap: 6 * rem,
        space: 74 * rem,
        grid: { show: false },
        ticks: { show: false },
        incrs: TIME_STEPS,
        values: (_, splits, __, ___, every) => timeLabels(splits, every, latest.current.utc),
      },
      {
        stroke: ink,
        font,
        size: 54 * rem,
        gap: 8 * rem,
        space: 34 * rem,
        grid,
        ticks: { show: false },
        incrs: DECIMAL_STEPS,
        values: (_, splits) => splits.map((value) => (value === 0 ? "0" : axisText(unit, value))),
      },
      ...(hasRight
        ? [
            {
              scale: "r",
              side: 1,
              stroke: styleValue("--c-error-line"),
              font,
              size: 46 * rem,
              gap: 8 * rem,
              space: 44 * rem,
              grid: { show: false },
              ticks: { show: false },
              incrs: DECIMAL_STEPS,
              values: (_: uPlot, splits: number[]) =>
                splits.map((value) => (value === 0 ? "0" : axisText("share", value))),
            } satisfies uPlot.Axis,
          ]
        : []),
    ],
    hooks: {
      drawClear: [
        (plot) =>
          drawUnder(
            plot,
            latest.current.shades ?? [],
            latest.current.span ?? null,
            unknownIn(latest.current),
          ),
      ],
      draw: [(plot) => drawOver(plot, latest.current.limit ?? null)],
      setCursor: [(plot) => showTip(plot, latest.current, tip.current)],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 6) return;
          const since = Math.floor(plot.posToVal(left, "x"));
          const until = Math.ceil(plot.posToVal(left + wide, "x"));
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          latest.current.onZoom?.(since, until);
        },
      ],
    },
  };
}

/** Lines go through the middle of columns, since a column begins at its first second. */
function middled(latest: { current: ChartProps }): uPlot.Series.PathBuilder {
  return (plot, seriesIndex, from, to) => {
    const series = plot.series[seriesIndex];
    const values = plot.data[seriesIndex] ?? [];
    const scale = series?.scale ?? "y";
    const stroke = new Path2D();
    const fill = series?.fill ? new Path2D() : null;
    const half = latest.current.step / 2;
    const bottom = plot.valToPos(0, scale, true);
    let start: number | null = null;
    let last = 0;
    const close = () => {
      if (start !== null && fill) {
        fill.lineTo(last, bottom);
        fill.lineTo(start, bottom);
        fill.closePath();
      }
      start = null;
    };
    for (let i = from; i <= to; i += 1) {
      const value = values[i];
      if (typeof value !== "number") {
        close();
        continue;
      }
      const at = plot.valToPos((plot.data[0][i] ?? 0) + half, "x", true);
      const high = plot.valToPos(value, scale, true);
      if (start === null) {
        stroke.moveTo(at, high);
        fill?.moveTo(at, high);
        // A single known column between unknown ones would be no line at all.
        if (typeof values[i + 1] !== "number") stroke.lineTo(at + 2, high);
        start = at;
      } else {
        stroke.lineTo(at, high);
        fill?.lineTo(at, high);
      }
      last = at;
    }
    close();
    return { stroke, fill, clip: null, flags: 1 };
  };
}

/** Clicks and fingers; uPlot itself knows only a mouse that drags. */
function follow(plot: uPlot, latest: { current: ChartProps }): void {
  let pressedAt = 0;
  plot.over.addEventListener("mousedown", (event) => {
    pressedAt = event.clientX;
  });
  plot.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressedAt) > 4) return;
    const index = columnAt(plot, latest.current, plot.cursor.left ?? -1);
    const time = index === null ? undefined : latest.current.x[index];
    if (time !== undefined) latest.current.onPick?.(time);
  });
  const touch = (event: TouchEvent) => {
    const finger = event.touches[0];
    if (!finger) return;
    const box = plot.over.getBoundingClientRect();
    plot.setCursor({ left: finger.clientX - box.left, top: finger.clientY - box.top });
  };
  plot.over.addEventListener("touchstart", touch, { passive: true });
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

function showTip(plot: uPlot, props: ChartProps, tip: HTMLDivElement | null): void {
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
  fillTip(
    tip,
    fullTime(time, props.utc),
    lines,
    marks.map((shade) => shade.label),
  );
  tip.hidden = false;
  const wide = tip.offsetWidth;
  const all = plot.root.offsetWidth;
  const at = left + plot.over.offsetLeft;
  const x = at + 16 + wide > all ? at - 14 - wide : at + 14;
  tip.style.transform = `translate(${Math.round(Math.max(0, x))}px, 6px)`;
}

function moveCursor(event: KeyboardEvent, plot: uPlot | null, props: ChartProps): void {
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
  const time = props.x[Math.max(0, Math.min(count - 1, index))] ?? 0;
  plot.setCursor({ left: plot.valToPos(time + props.step / 2, "x"), top: 10 });
}
