// One chart over time: a canvas drawn by uPlot, with crosshair, tooltip, shaded incidents, limit.
//
// uPlot is created once and then only given new numbers. The tooltip is moved outside of Preact:
// a mouse that moves must not render the page.

import { effect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

import { isDark } from "../theme.ts";
import { DataTable } from "./data_table.tsx";
import type { Limit, Shade } from "./marks.ts";
import { dataOf, options, type ChartProps, type Series } from "./plot.ts";
import { follow, moveCursor } from "./pointer.ts";

export type { ChartProps, Limit, Series, Shade };

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
      follow(plot, latest, tip);
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
