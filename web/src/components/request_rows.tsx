// Requests as rows: newest first, keyed, so that only new ones are drawn.

import { Fragment } from "preact";

import { memo } from "../memo.ts";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { formatBytes, formatSeconds } from "../format.ts";
import { exclude, narrowTo } from "../narrowing.ts";
import { haveServers, keysOf, targetOf, timeOf } from "../requests.ts";
import type { Row } from "../rows.ts";
import { clockNear } from "../spans.ts";
import { shownRequest } from "../overlays.ts";
import { newest, utc } from "../store.ts";
import { visible } from "../text.ts";
import { Text } from "./text.tsx";
import { Spacer, useVirtualRows } from "./virtual.tsx";

interface Props {
  records: Row[];
  title: string;
  isCompact?: boolean;
  /** So many are of the span that figures and charts show; the others are older. */
  recent?: number;
  /** `Older than the last 5 min` */
  olderText?: string;
  /** Called when the list is scrolled: whether its newest rows are out of sight. */
  onAway?: (isAway: boolean) => void;
  handle?: {
    current: {
      move: (by: number) => void;
      toEnd: (end: "first" | "last") => void;
      row: () => Row | null;
    } | null;
  };
}

export function RequestRows({
  records,
  title,
  isCompact = false,
  recent = records.length,
  olderText = "",
  onAway,
  handle,
}: Props) {
  const { scroller, isMany, isAway, from, until, above, below, onScroll, reach } = useVirtualRows(
    records.length,
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const wantsFocus = useRef(false);
  const keys = useMemo(() => keysOf(records), [records]);
  const shownKey = shownRequest.value ? keysOf([shownRequest.value])[0] : null;
  const withTimes = records.some((one) => typeof one.duration === "number");
  const withServers = useMemo(() => haveServers(records), [records]);
  const withAgents = !isCompact && records.some((one) => one.agent);
  const at = chosen === null ? -1 : keys.indexOf(chosen);
  const choose = (index: number) => {
    const key = keys[Math.max(0, Math.min(keys.length - 1, index))];
    if (key === undefined) return;
    wantsFocus.current = true;
    setChosen(key);
    reach(keys.indexOf(key));
  };
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    scroller.current?.querySelector<HTMLElement>("tr[tabindex='0']")?.focus();
  });
  if (handle) {
    handle.current = {
      move: (by) => choose(at < 0 ? 0 : at + by),
      toEnd: (end) => choose(end === "first" ? 0 : keys.length - 1),
      row: () => (at < 0 ? null : (records[at] ?? null)),
    };
  }
  const now = newest.value;
  return (
    <div
      class={`scroll rows ${isMany ? "many" : ""}`}
      ref={scroller}
      onScroll={() => {
        onScroll();
        onAway?.(isAway());
      }}
      tabIndex={isMany ? 0 : undefined}
      role={isMany ? "region" : undefined}
      aria-label={isMany ? `Table of ${title}` : undefined}
    >
      <table
        aria-rowcount={records.length + 1}
        class={`table requests ${isCompact ? "compact" : ""}`}
      >
        <caption class="visually-hidden">{title}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Status</th>
            <th scope="col">Request</th>
            {withTimes && (
              <th scope="col" class="number">
                Took
              </th>
            )}
            <th scope="col" class="number size">
              Bytes
            </th>
            {withServers && (
              <th scope="col" class="server">
                Server
              </th>
            )}
            <th scope="col" class="client">
              Client
            </th>
            {withAgents && (
              <th scope="col" class="agent">
                Agent
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          <Spacer height={above} />
          {records.slice(from, until).map((record, row) => {
            const i = from + row;
            const looks = keys[i] === shownKey ? "row chosen" : "row";
            return (
              <Fragment key={keys[i]}>
                {i === recent && olderText && (
                  <tr class="divider">
                    <td colSpan={8}>{olderText}</td>
                  </tr>
                )}
                <tr
                  class={looks}
                  tabIndex={i === Math.max(0, at) ? 0 : -1}
                  aria-rowindex={i + 2}
                  onFocus={() => setChosen(keys[i] ?? null)}
                  onClick={() => (shownRequest.value = record)}
                >
                  <Cells
                    id={keys[i] ?? ""}
                    record={record}
                    withTimes={withTimes}
                    withServers={withServers}
                    withAgents={withAgents}
                    isUtc={utc.value}
                    day={Math.floor(now / 3600)}
                  />
                </tr>
              </Fragment>
            );
          })}
          <Spacer height={below} />
        </tbody>
      </table>
    </div>
  );
}

interface CellsProps {
  id: string;
  record: Row;
  withTimes: boolean;
  withServers: boolean;
  withAgents: boolean;
  isUtc: boolean;
  /** Changes when the way that times are written may: once an hour is often enough. */
  day: number;
}

/** The cells of a request, which never change: its row may move down. */
const Cells = memo(
  function Cells({ record, withTimes, withServers, withAgents, isUtc }: CellsProps) {
    const time = timeOf(record);
    const status =
      record.status === null || record.status === undefined ? "–" : String(record.status);
    return (
      <>
        <td class="time">{time === null ? "–" : clockNear(time, newest.value, isUtc)}</td>
        <td>
          <FieldValue field="status" value={status} looks={`status s${status.charAt(0)}`} />
        </td>
        <th scope="row" class="target">
          <span class="method">
            <Text value={record.method ?? ""} />
          </span>{" "}
          <Text value={targetOf(record)} isUrl />
        </th>
        {withTimes && (
          <td class="number">
            {formatSeconds(typeof record.duration === "number" ? record.duration : null)}
          </td>
        )}
        <td class="number dim size">
          {formatBytes(typeof record.bytes === "number" ? record.bytes : null)}
        </td>
        {withServers && (
          <td class="server">
            {record.server == null ? (
              "–"
            ) : (
              <FieldValue field="server" value={String(record.server)} />
            )}
          </td>
        )}
        <td class="client">
          {record.host == null ? "–" : <FieldValue field="host" value={String(record.host)} />}
        </td>
        {withAgents && (
          <td class="agent dim">
            <Text value={record.agent ?? "–"} />
          </td>
        )}
      </>
    );
  },
  (one, other) =>
    one.id === other.id &&
    one.isUtc === other.isUtc &&
    one.withTimes === other.withTimes &&
    one.withServers === other.withServers &&
    one.withAgents === other.withAgents &&
    one.day === other.day,
);

function FieldValue({
  field,
  value,
  looks = "",
}: {
  field: string;
  value: string;
  looks?: string;
}) {
  if (value === "–") return <span class={looks}>–</span>;
  return (
    <button
      type="button"
      class={`value ${looks}`}
      tabIndex={-1}
      title={`Only ${field} ${visible(value)} (Shift: exclude)`}
      onClick={(event) => {
        event.stopPropagation();
        if (event.shiftKey || event.altKey) exclude(field, value);
        else narrowTo(field, value);
      }}
    >
      <Text value={value} />
    </button>
  );
}
