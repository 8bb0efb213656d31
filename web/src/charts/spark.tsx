// A sparkline: an SVG path, wide as its card. It only hints; the numbers stand beside it.

import { memo } from "../memo.ts";

import type { Values } from "./series.ts";

const WIDTH = 100;
const HEIGHT = 28;

interface Props {
  values: Values;
  color: string;
}

/** The path of known values from left to right; where a value is unknown, the line stops. */
export function sparkPath(
  values: Values,
  width: number,
  height: number,
): { line: string; area: string } {
  const most = values.reduce<number>((top, value) => Math.max(top, value ?? 0), 0) || 1;
  const each = width / Math.max(1, values.length - 1);
  let line = "";
  let area = "";
  let start: number | null = null;
  const close = (at: number) => {
    if (start !== null) area += `L${at.toFixed(1)} ${height}L${start.toFixed(1)} ${height}Z`;
    start = null;
  };
  values.forEach((value, i) => {
    if (value === null) {
      close((i - 1) * each);
      return;
    }
    const x = i * each;
    const y = height - 1 - (Math.max(0, value) / most) * (height - 3);
    const step = `${start === null ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    line += step;
    area += step;
    if (start === null) start = x;
  });
  close((values.length - 1) * each);
  return { line, area };
}

/** Fewer points than an answer has: a figure is 150 pixels wide. */
export function thinned(values: Values, most: number): Values {
  if (values.length <= most) return values;
  const size = Math.ceil(values.length / most);
  const found: Values = [];
  // From the end, so that the newest group is always whole.
  for (let end = values.length; end > 0; end -= size) {
    const known = values.slice(Math.max(0, end - size), end).filter((value) => value !== null);
    found.unshift(
      known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null,
    );
  }
  return found;
}

export const Spark = memo(function Spark({ values, color }: Props) {
  // The newest column is not over yet; an average of few seconds would twitch.
  const shown = thinned(values.slice(0, -1), 40);
  if (shown.length < 2)
    return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const { line, area } = sparkPath(shown, WIDTH, HEIGHT);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      style={{ "--spark": `var(${color})` }}
    >
      <path class="spark-area" d={area} />
      <path class="spark-line" d={line} />
    </svg>
  );
});
