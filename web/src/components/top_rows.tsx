// The rows of a table card: keyed, with one tab stop that arrows move, only those on the screen drawn.

import { memo } from "../memo.ts";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { changeOf, formatCount } from "../format.ts";
import { aboutText, cellText, cellTone, columnOf, countText } from "../measures.ts";
import { exclude, narrowTo } from "../narrowing.ts";
import { numberIn, type Row } from "../rows.ts";
import { endTime, utc } from "../store.ts";
import { noteFocus } from "../tables.ts";
import { visible, valueText } from "../text.ts";
import { Delta } from "./delta.tsx";
import { Icon } from "./icons.tsx";
import { nameOf, type TableSpec } from "./table_card.tsx";
import { Text } from "./text.tsx";
import { openValueMenu } from "./value_menu.tsx";
import { Spacer, useVirtualRows } from "./virtual.tsx";

export interface TopRowsHandle {
  move: (by: number) => void;
  toEnd: (end: "first" | "last") => void;
  row: () => Row | null;
}

interface Sort {
  measure: string;
  ascending: boolean;
}

interface Props {
  handle: { current: TopRowsHandle | null };
  spec: TableSpec;
  rows: Row[];
  measures: string[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  isOld: boolean;
  isExact: boolean;
  hasChange: boolean;
  /** The requests of each name before; `null`: unknown. */
  hitsBefore: Map<string, number> | null;
  isTall: boolean;
}

const URLS = new Set(["path", "section", "route", "referrer", "referring_site"]);

export function TopRows(props: Props) {
  const { handle, spec, rows, measures, sort, onSort, isOld, isExact, hasChange, hitsBefore } =
    props;
  const { scroller, isMany, from, until, above, below, onScroll, reach } = useVirtualRows(
    rows.length,
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const wantsFocus = useRef(false);
  const most = Math.max(1, ...rows.map((row) => numberIn(row, barOf(sort.measure)) ?? 0));
  const at = Math.max(
    0,
    rows.findIndex((row) => nameOf(row, spec.by) === chosen),
  );

  const choose = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (!row) return;
    wantsFocus.current = true;
    noteFocus(spec.key);
    setChosen(nameOf(row, spec.by));
    reach(index);
  };
  handle.current = {
    move: (by) => choose((chosen === null && by > 0 ? at - 1 : at) + by),
    toEnd: (end) => choose(end === "first" ? 0 : rows.length - 1),
    row: () => (chosen === null ? null : (rows[at] ?? null)),
  };

  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    scroller.current?.querySelector<HTMLElement>("tr[tabindex='0']")?.focus();
  });

  const columns = measures.map(columnOf);
  const nextSort = (measure: string) =>
    onSort({
      measure,
      ascending: sort.measure === measure ? !sort.ascending : measure === "name",
    });
  const sortOf = (measure: string) =>
    sort.measure === measure ? (sort.ascending ? "ascending" : "descending") : undefined;

  return (
    <div
      class={`scroll rows ${isOld ? "is-old" : ""} ${isMany ? "many" : ""}`}
      ref={scroller}
      onScroll={onScroll}
      tabIndex={isMany ? 0 : undefined}
      role={isMany ? "region" : undefined}
      aria-label={isMany ? `Table of ${spec.title}` : undefined}
    >
      <table
        class={`table top-table by-${spec.by.length} ${hasChange ? "has-change" : ""}`}
        aria-rowcount={rows.length + 1}
      >
        <caption class="visually-hidden">{spec.title}</caption>
        <thead>
          <tr>
            {spec.by.map((field, i) => (
              <th
                key={field}
                scope="col"
                class={`name field-${field}`}
                aria-sort={i === spec.by.length - 1 ? sortOf("name") : undefined}
              >
                <button type="button" class="sort" onClick={() => nextSort("name")}>
                  {titleOf(field)}
                  <SortMark sort={i === spec.by.length - 1 ? sortOf("name") : undefined} />
                </button>
              </th>
            ))}
            {columns.map((column) => (
              <th
                key={column.measure}
                scope="col"
                class={`number rank-${column.rank} of-${column.measure} ${sort.measure === column.measure ? "sorted" : ""}`}
                aria-sort={sortOf(column.measure)}
              >
                <button
                  type="button"
                  class="sort"
                  title={aboutText(column, sort.measure === column.measure)}
                  onClick={() => nextSort(column.measure)}
                >
                  {column.title}
                  <SortMark sort={sortOf(column.measure)} />
                </button>
              </th>
            ))}
            {hasChange && (
              <th scope="col" class="number">
                Change
              </th>
            )}
          </tr>
        </thead>
        <tbody onFocusIn={() => noteFocus(spec.key)}>
          <Spacer height={above} />
          {rows.slice(from, until).map((row, i) => {
            const name = nameOf(row, spec.by);
            return (
              <RowOf
                key={name}
                row={row}
                spec={spec}
                measures={measures}
                sorted={sort.measure}
                index={from + i + 2}
                isStop={from + i === at}
                isChosen={name === chosen}
                share={(numberIn(row, barOf(sort.measure)) ?? 0) / most}
                onChoose={setChosen}
                before={hitsBefore?.get(name)}
                hasChange={hasChange}
                isBeforeKnown={hitsBefore !== null}
                isExact={isExact}
                now={endTime.value}
                isUtc={utc.value}
              />
            );
          })}
          <Spacer height={below} />
        </tbody>
      </table>
    </div>
  );
}

/** The measure that bars show: what the table is sorted by, if that adds up. */
function barOf(measure: string): string {
  return /^(hits|rate|[1-5]xx|bytes|visitors|total_time)$/.test(measure) ? measure : "hits";
}

export function SortMark({ sort }: { sort: string | undefined }) {
  return sort ? <Icon name={sort === "ascending" ? "up" : "down"} /> : null;
}

const TITLES: Record<string, string> = {
  vhost: "Virtual host",
  os: "System",
  referring_site: "Referring site",
};

export function titleOf(field: string): string {
  return TITLES[field] ?? field.charAt(0).toUpperCase() + field.slice(1).replaceAll("_", " ");
}

interface RowProps {
  row: Row;
  spec: TableSpec;
  measures: string[];
  /** The measure that the table is sorted by. */
  sorted: string;
  index: number;
  isStop: boolean;
  isChosen: boolean;
  share: number;
  onChoose: (name: string) => void;
  before: number | undefined;
  hasChange: boolean;
  isBeforeKnown: boolean;
  isExact: boolean;
  now: number;
  isUtc: boolean;
}

/** Rows whose numbers have not changed are not drawn again. */
const RowOf = memo(
  function RowOf(props: RowProps) {
    const { row, spec, measures, share, hasChange } = props;
    const hits = numberIn(row, "hits");
    return (
      <tr
        class={`row ${props.isChosen ? "chosen" : ""}`}
        tabIndex={props.isStop ? 0 : -1}
        aria-rowindex={props.index}
        onFocus={() => props.onChoose(nameOf(row, spec.by))}
      >
        {spec.by.map((field, i) => (
          <NameCell
            key={field}
            field={field}
            row={row}
            isLast={i === spec.by.length - 1}
            share={share}
          />
        ))}
        {measures.map((name) => {
          const column = columnOf(name);
          const isSorted = name === props.sorted;
          const count = isSorted ? countText(column, row) : "";
          return (
            <td
              key={name}
              class={`number rank-${column.rank} of-${column.measure} ${isSorted ? "sorted" : ""} ${cellTone(column, row)}`}
            >
              {count && <span class="counted">{count}</span>}
              {cellText(column, row, props.now, props.isUtc)}
            </td>
          );
        })}
        {hasChange && (
          <td class="number">
            <Change hits={hits} before={props.before} isKnown={props.isBeforeKnown} />
          </td>
        )}
      </tr>
    );
  },
  (one, other) =>
    one.isStop === other.isStop &&
    one.isChosen === other.isChosen &&
    one.index === other.index &&
    one.hasChange === other.hasChange &&
    one.before === other.before &&
    one.isBeforeKnown === other.isBeforeKnown &&
    one.isUtc === other.isUtc &&
    one.share === other.share &&
    one.sorted === other.sorted &&
    one.measures.join() === other.measures.join() &&
    JSON.stringify(one.row) === JSON.stringify(other.row),
);

function Change({
  hits,
  before,
  isKnown,
}: {
  hits: number | null;
  before: number | undefined;
  isKnown: boolean;
}) {
  if (!isKnown) return <Delta change={null} title="The time before is not known" />;
  if (before === undefined)
    return (
      <Delta
        change={hits ? changeOf(hits, 0) : null}
        title="Not among the most frequent values before"
      />
    );
  return <Delta change={changeOf(hits, before)} title={`${formatCount(before)} before`} />;
}

interface NameProps {
  field: string;
  row: Row;
  isLast: boolean;
  share: number;
}

function NameCell({ field, row, isLast, share }: NameProps) {
  const value = row[field];
  const isMissing = value === null || value === undefined;
  const text = valueText(value);
  const content = isMissing ? (
    <span class="nothing">(none)</span>
  ) : (
    <button
      type="button"
      class="value"
      tabIndex={-1}
      title={visible(text)}
      onClick={(event) => {
        if (event.shiftKey || event.altKey) exclude(field, text);
        else narrowTo(field, text);
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        openValueMenu(event.currentTarget as HTMLElement, field, text);
      }}
    >
      <Text value={value} isUrl={URLS.has(field)} />
    </button>
  );
  const inside = (
    <>
      {isLast && (
        <span class="bar" style={{ transform: `scaleX(${Math.max(0, Math.min(1, share))})` }} />
      )}
      <span class="name-line">
        {field === "status" || field === "class" ? (
          <span class={`status s${text.charAt(0)}`}>{content}</span>
        ) : (
          content
        )}
        {!isMissing && (
          <button
            type="button"
            class="row-menu"
            tabIndex={-1}
            aria-label={`More for ${field} ${visible(text)}`}
            aria-haspopup="menu"
            onClick={(event) => openValueMenu(event.currentTarget as HTMLElement, field, text)}
          >
            <Icon name="menu" />
          </button>
        )}
      </span>
    </>
  );
  const looks = `name field-${field}`;
  return isLast ? (
    <th scope="row" class={looks}>
      {inside}
    </th>
  ) : (
    <td class={looks}>{inside}</td>
  );
}
