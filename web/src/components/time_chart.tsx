// A card with a chart of the span: what all of them do with time, and their legend.

import { signal } from "@preact/signals";

import { CLASSES } from "../asks.ts";
import { unknownSpans, type Columns } from "../charts/series.ts";
import { Chart, type Limit, type Series, type Shade } from "../charts/chart.tsx";
import { go, link, newest, utc } from "../store.ts";
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

/** What is hidden by a click on a legend: `chart/series`. */
const hidden = signal<ReadonlySet<string>>(new Set());

/** The series of a chart without those that are hidden. */
export function shownOf(chart: string, series: Series[]): Series[] {
  return series.filter((one) => !hidden.value.has(`${chart}/${one.label}`));
}

/** The spans that nothing is known of, whatever is drawn. */
export function unknownOf(columns: Columns | null): [number, number][] {
  if (!columns) return [];
  return unknownSpans(
    columns,
    CLASSES.map((name) => columns.values[name] ?? []),
  );
}

export interface LegendItem {
  label: string;
  color: string;
  isLine?: boolean;
  value?: string;
  /** Of the series, where the label is another text. */
  name?: string;
}

/** The series of a chart; a click hides one, or shows it again. */
export function Legend({ chart, items }: { chart: string; items: LegendItem[] }) {
  const toggle = (key: string) => {
    const next = new Set(hidden.value);
    if (!next.delete(key)) next.add(key);
    hidden.value = next;
  };
  return (
    <ul class="legend">
      {items.map((item) => {
        const key = `${chart}/${item.name ?? item.label}`;
        const isShown = !hidden.value.has(key);
        return (
          <li key={item.label}>
            <button
              type="button"
              aria-pressed={isShown}
              title={isShown ? "Hide in the chart" : "Show in the chart"}
              disabled={link.value.kiosk}
              onClick={() => toggle(key)}
            >
              <i
                class={`swatch ${item.isLine ? "line" : ""}`}
                style={{ background: `var(${item.color})` }}
              />
              {item.label}
              {item.value && <b>{item.value}</b>}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
