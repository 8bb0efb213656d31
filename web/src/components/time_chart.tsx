// A card with a chart of the span: what all of them do with time, and their legend.

import type { ComponentChildren } from "preact";

import { Chart, type Limit, type Series, type Shade } from "../charts/chart.tsx";
import { go, newest, utc } from "../store.ts";
import { Waiting } from "./card.tsx";

/** Zooms into a dragged span. */
export function zoomInto(since: number, until: number): void {
  const window = Math.max(10, until - since);
  const end = Math.min(Math.max(until, since + 10), Math.floor(newest.value) || until);
  go({ window, until: end, paused: false });
}

/** Goes to a clicked column: the span ends a little after it. */
export function goTo(time: number, step: number): void {
  go({ until: Math.min(time + step, Math.floor(newest.value) || time + step), paused: false });
}

interface Props {
  label: string;
  summary: string;
  x: number[] | null;
  step: number;
  series: Series[];
  height: number;
  shades?: Shade[];
  limit?: Limit | null;
  span?: [number, number] | null;
  unknown?: [number, number][];
  hasTable?: boolean;
  /** Of the answer that the chart would be of. */
  error?: string | undefined;
}

export function TimeChart({ x, error, ...props }: Props) {
  if (!x)
    return (
      <div style={{ minHeight: `${props.height}px` }}>
        <Waiting lines={6} error={error} />
      </div>
    );
  return (
    <Chart
      {...props}
      x={x}
      utc={utc.value}
      onZoom={zoomInto}
      onPick={(time) => goTo(time, props.step)}
    />
  );
}

export interface LegendItem {
  label: string;
  color: string;
  isLine?: boolean;
  value?: string;
}

export function Legend({ items, children }: { items: LegendItem[]; children?: ComponentChildren }) {
  return (
    <ul class="legend">
      {items.map((item) => (
        <li key={item.label}>
          <i
            class={`swatch ${item.isLine ? "line" : ""}`}
            style={{ background: `var(${item.color})` }}
          />
          {item.label}
          {item.value && <b>{item.value}</b>}
        </li>
      ))}
      {children}
    </ul>
  );
}
