// The numbers of a chart as a table, for people who cannot see the chart or want the figures.

import { useState } from "preact/hooks";

import { formatUnit } from "../format.ts";
import { Icon } from "../components/icons.tsx";
import { fullTime } from "../spans.ts";
import type { ChartProps } from "./chart.tsx";

const MOST = 500;

export function DataTable({ label, x, series, utc }: ChartProps) {
  const [isOpen, setOpen] = useState(false);
  const rows = isOpen
    ? x
        .map((time, i) => ({ time, i }))
        .reverse()
        .slice(0, MOST)
    : [];
  return (
    <details
      class="as-table"
      onToggle={(event) => setOpen((event.target as HTMLDetailsElement).open)}
    >
      <summary title={isOpen ? "Hide the table" : "Show as a table"}>
        <Icon name="table" />
        <span class="visually-hidden">{label} as a table</span>
      </summary>
      {isOpen && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`${label}, as a table`}>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((one) => (
                  <th scope="col" class="number" key={one.label}>
                    {one.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ time, i }) => (
                <tr key={time}>
                  <th scope="row">{fullTime(time, utc)}</th>
                  {series.map((one) => (
                    <td class="number" key={one.label}>
                      {formatUnit(one.unit, one.values[i])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
