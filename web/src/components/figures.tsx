// The figures at the top of every view: each with its change and a sparkline.

import { figuresOf, knownText, rateNow } from "../figures.ts";
import type { PageData } from "../page_data.ts";
import { link, snapshot } from "../store.ts";
import { formatRate } from "../format.ts";
import { Spark } from "../charts/spark.tsx";
import { Delta } from "./delta.tsx";

export function Figures({ data }: { data: PageData }) {
  const { total, before, columns, hasTimes, scope, beforeText } = data;
  const figures = figuresOf(total.answer, before.isOld ? null : before.answer, columns, hasTimes);
  const known = knownText(total.answer, scope.seconds);
  const { filters, until } = link.value;
  const now =
    snapshot.value?.live && !filters.length && until === null ? rateNow(snapshot.value) : null;
  return (
    <section
      class={`figures ${total.isOld ? "is-old" : ""}`}
      aria-label="Figures of the span"
      style={{ "--figures": String(figures.length) }}
    >
      {figures.map((figure) => (
        <div class={`figure ${figure.tone === "dim" ? "" : figure.tone}`} key={figure.name}>
          <div class="figure-title">
            <i class="swatch" style={{ background: `var(${figure.color})` }} />
            {figure.title}
            {figure.name === "rate" && known && (
              <span class="known" title="The figures are of the part of the span that is known">
                {known}
              </span>
            )}
          </div>
          <div class="figure-value">
            <b>{figure.value}</b>
            <span class="unit">{figure.unit}</span>
            {figure.change && (
              <Delta
                change={figure.change}
                isBadWhenMore={figure.isBadWhenMore}
                title={`Compared with ${beforeText}`}
              />
            )}
          </div>
          <div class="figure-detail">
            {figure.name === "rate" && now !== null ? `now ${formatRate(now)}/s · ` : ""}
            {figure.detail}
          </div>
          <Spark values={figure.trend} color={figure.color} />
        </div>
      ))}
    </section>
  );
}
