// How uPlot draws our charts: scales, axes, stacked bars, lines through the middle of columns.

import uPlot from "uplot";

import { formatUnit, type ValueUnit } from "../format.ts";
import { styleValue } from "../theme.ts";
import { DECIMAL_STEPS, niceTop, TIME_STEPS, timeLabels } from "./axes.ts";
import { drawOver, drawUnder, type Limit, type Shade } from "./marks.ts";
import { showTip } from "./pointer.ts";
import { largest, stacked, unknownSpans, type Values } from "./series.ts";

export interface Series {
  label: string;
  /** A custom property with its color. */
  color: string;
  kind: "stack" | "line" | "area" | "ghost" | "halo";
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

/** The props of a chart as they are now: uPlot's callbacks outlive many renderings. */
export type Latest = { current: ChartProps };

function inOrder(series: Series[]): { series: Series; values: Values }[] {
  const stack = series.filter((one) => one.kind === "stack");
  const sums = stacked(stack.map((one) => one.values));
  // The highest sum is drawn first, and the lower ones over it.
  const bars = stack.map((one, i) => ({ series: one, values: sums[i] ?? [] })).reverse();
  const others = series
    .filter((one) => one.kind !== "stack")
    .flatMap((one) => (one.kind === "ghost" ? [haloOf(one), one] : [one]))
    .map((one) => ({ series: one, values: one.values }));
  return [...bars, ...others];
}

/** What is around a line that is drawn over bars: it is seen on any color. */
function haloOf(ghost: Series): Series {
  return { ...ghost, kind: "halo", color: "--card" };
}

export function dataOf(props: ChartProps): uPlot.AlignedData {
  return [props.x, ...inOrder(props.series).map((one) => one.values)] as uPlot.AlignedData;
}

export function options(
  width: number,
  latest: Latest,
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
        if (series.kind === "halo")
          return { ...common, ...at, stroke: color, width: 4.5 * rem, alpha: 0.75 } as uPlot.Series;
        if (series.kind === "ghost")
          return {
            ...common,
            ...at,
            stroke: color,
            width: 1.75 * rem,
            dash: [6, 3],
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

/** Lines go through the middle of columns, since a column begins at its first second. */
function middled(latest: Latest): uPlot.Series.PathBuilder {
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
