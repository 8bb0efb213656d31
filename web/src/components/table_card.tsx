// A card with the top values of one or two fields: sortable, searchable, each value narrows to it.

import { useEffect, useMemo, useState } from "preact/hooks";

import { idOf } from "../answers.ts";
import { addressOf } from "../api.ts";
import { downloadLink, reportLink, shiftOf, tableAsk, type Scope } from "../asks.ts";
import type { Answer } from "../contract.ts";
import { formatCount } from "../format.ts";
import { focusOnce, useAsk, useOnScreen, useTogether } from "../hooks.ts";
import { sortedBy } from "../link.ts";
import { columnOf } from "../measures.ts";
import { copyText, exclude, narrowTo } from "../narrowing.ts";
import { answerRows, type Row } from "../rows.ts";
import { go, link, newest } from "../store.ts";
import { addTable } from "../tables.ts";
import { AnswerNote, Card, Waiting } from "./card.tsx";
import { Icon } from "./icons.tsx";
import { TopRows, type TopRowsHandle } from "./top_rows.tsx";
import { withKey } from "../single_keys.ts";

export interface TableSpec {
  key: string;
  title: string;
  by: string[];
  measures: string[];
  /** A condition that the table adds to the filters. */
  where?: string;
  order?: string;
  /** Makes the rows, of those of the answer; they are sorted here. */
  made?: (rows: Row[]) => Row[];
  /** The columns of rows that are made. */
  columns?: string[];
}

interface Props {
  spec: TableSpec;
  scope: Scope;
  hasTimes: boolean;
  rows?: number;
  rank?: number;
  /** Hide the card where the answer has no rows: a log without virtual hosts. */
  hideEmpty?: boolean;
  empty?: string;
}

const FEW_ROWS = 3;
const LIMITS = [10, 50, 250, 1000];

export function TableCard({ spec, scope, hasTimes, rows = 10, rank = 5, hideEmpty, empty }: Props) {
  const [element, isSeen] = useOnScreen<HTMLDivElement>();
  const { zoom, compare, kiosk } = link.value;
  const isZoomed = zoom === spec.key;
  const [limitChosen, setLimit] = useState<number | null>(null);
  const start = { measure: spec.order ?? "hits", ascending: false };
  const chosenSort = link.value.sorts.find((one) => one.table === spec.key) ?? start;
  const setSort = ({ measure, ascending }: typeof start) => {
    const isStart = measure === start.measure && !ascending;
    go(
      { sorts: sortedBy(link.value, spec.key, isStart ? null : { measure, ascending }) },
      "replace",
    );
  };
  const [isFinding, setFinding] = useState(false);
  const [find, setFind] = useState("");
  const { made } = spec;
  const limit = made || isFinding ? 1000 : (limitChosen ?? (isZoomed ? 250 : rows));

  const measures = (spec.columns ?? spec.measures).filter((name) => hasTimes || !columnOf(name).isTimed);
  // The order that was chosen may be by a column that this log does not have.
  const isKnownSort = chosenSort.measure === "name" || measures.includes(chosenSort.measure);
  const sort = isKnownSort ? chosenSort : made ? start : { measure: "hits", ascending: false };
  const order = made || !measures.includes(sort.measure) ? null : sort.measure;
  const question = {
    by: spec.by,
    measures: made
      ? spec.measures
      : measures.includes("hits")
        ? measures
        : ["hits", ...measures],
    order: order === "hits" ? null : order,
    ascending: order !== null && sort.ascending,
    limit,
    where: spec.where,
  };
  const ask = tableAsk(scope, question);
  const asked = useAsk(ask, rank, isSeen || isZoomed);
  const shift = shiftOf(compare, scope.seconds);
  const compared = useAsk(
    compare !== "none"
      ? tableAsk(
          scope,
          {
            ...question,
            order: null,
            ascending: false,
            limit: Math.max(200, limit),
            measures: ["hits"],
          },
          shift,
        )
      : null,
    rank + 2,
    isSeen || isZoomed,
  );
  const parts = compare === "none" ? [asked] : [asked, compared];
  const [{ answer, isOld } = asked, before = compared] =
    useTogether(parts, `${idOf(ask)}${shift}${compare}`) ?? parts;

  const all = useMemo(() => {
    const rows = answerRows(answer);
    return made ? made(rows) : rows;
  }, [answer, made]);
  const found = useMemo(() => {
    const wanted = find.trim().toLowerCase();
    const matching = wanted
      ? all.filter((row) =>
          spec.by.some((field) =>
            String(row[field] ?? "")
              .toLowerCase()
              .includes(wanted),
          ),
        )
      : all;
    if (sort.measure === "name") return byName(matching, spec.by, sort.ascending);
    return made ? byColumn(matching, sort.measure, sort.ascending) : matching;
  }, [all, find, sort.measure, sort.ascending, spec.by, made]);
  const hitsBefore = useMemo(
    () => beforeByName(before.isOld ? null : before.answer, spec.by),
    [before.answer, before.isOld, spec.by],
  );

  const handle = useMemo<{ current: TopRowsHandle | null }>(() => ({ current: null }), []);
  const columns = ["name", ...measures];
  useEffect(() =>
    addTable({
      key: spec.key,
      move: (by) => handle.current?.move(by),
      toEnd: (end) => handle.current?.toEnd(end),
      focus: () => handle.current?.move(0),
      open: () => narrowToRow(handle.current?.row() ?? null, spec.by),
      exclude: () => {
        const row = handle.current?.row();
        const field = spec.by[spec.by.length - 1] ?? "";
        const value = row?.[field];
        if (row && value !== null && value !== undefined) exclude(field, String(value));
      },
      sort: (by) => {
        const at = columns.indexOf(sort.measure);
        const next = columns[(at + by + columns.length) % columns.length] ?? "hits";
        setSort({ measure: next, ascending: next === "name" });
      },
      reverse: () => setSort({ ...sort, ascending: !sort.ascending }),
      find: () => setFinding(true),
      copy: () => {
        const row = handle.current?.row();
        if (row) void copyText(spec.by.map((field) => String(row[field] ?? "")).join("  "));
      },
    }),
  );

  if (zoom && !isZoomed) return null;
  const isEmpty = answer !== null && !isOld && !answer.error && all.length === 0;
  const isShort = answer !== null && !answer.error && all.length <= FEW_ROWS;
  const isHidden = hideEmpty && isEmpty && !scope.filters.length;

  const note = answer && !answer.error && (
    <span
      class="count"
      title={answer.is_exact ? "" : "An estimate: more values than are tracked exactly"}
    >
      {answer.is_exact ? "" : "≈ "}
      {formatCount(made ? all.length : answer.groups)}
    </span>
  );
  const tools = !kiosk && (
    <>
      <button
        type="button"
        class="quiet icon-button"
        aria-label={`Find in ${spec.title}`}
        title={withKey("Find in the table", "/")}
        aria-pressed={isFinding}
        onClick={() => setFinding(!isFinding)}
      >
        <Icon name="search" />
      </button>
      <a
        class="quiet icon-button"
        href={addressOf(
          made
            ? `${reportLink(scope, newest.value, "servers")}&format=csv`
            : downloadLink({ ...ask, limit: 100_000 }, newest.value),
        )}
        download={`${spec.key.replace("/", "-")}.csv`}
        aria-label={`Download ${spec.title} as CSV`}
        title="Download as CSV"
      >
        <Icon name="download" />
      </a>
    </>
  );
  return (
    <div class={`card-cell ${isHidden ? "is-empty" : isShort ? "is-short" : ""}`} ref={element}>
      <Card id={spec.key} title={spec.title} note={note} tools={tools} table={spec.key}>
        {isFinding && (
          <div class="find">
            <Icon name="search" />
            <input
              type="search"
              value={find}
              placeholder="Find in the table"
              aria-label={`Find in ${spec.title}`}
              ref={focusOnce}
              onInput={(event) => setFind((event.target as HTMLInputElement).value)}
              onKeyDown={(event) => {
                if (event.key !== "Escape") return;
                event.stopPropagation();
                setFind("");
                setFinding(false);
                handle.current?.move(0);
              }}
            />
            <span class="find-count" role="status">
              {find.trim()
                ? `${formatCount(found.length)} of ${answer?.has_more ? "the first " : ""}${formatCount(all.length)}`
                : ""}
            </span>
          </div>
        )}
        <AnswerNote error={answer?.error} missing={isZoomed ? answer?.missing : ""} />
        {answer === null || answer.error ? (
          <Waiting lines={rows} error={answer?.error} />
        ) : isEmpty ? (
          <p class="empty">{empty ?? "No requests in this span."}</p>
        ) : (
          <TopRows
            handle={handle}
            spec={spec}
            rows={found}
            measures={measures}
            sort={sort}
            onSort={setSort}
            isOld={isOld}
            isExact={answer.is_exact}
            hasChange={compare !== "none"}
            hitsBefore={hitsBefore}
            isTall={isZoomed}
          />
        )}
        {answer?.has_more && !kiosk && !isFinding && (
          <button
            type="button"
            class="more"
            onClick={() => setLimit(LIMITS.find((one) => one > limit) ?? 1000)}
            disabled={limit >= 1000}
          >
            {limit >= 1000
              ? `First 1,000 of ${formatCount(answer.groups)}; narrow down or download for more`
              : "More rows"}
          </button>
        )}
      </Card>
    </div>
  );
}

export function narrowToRow(row: Row | null, by: string[]): void {
  if (!row) return;
  for (const field of by) {
    const value = row[field];
    if (value !== null && value !== undefined) narrowTo(field, String(value));
  }
}

function byName(rows: Row[], by: string[], ascending: boolean): Row[] {
  const field = by[by.length - 1] ?? "";
  const sorted = [...rows].sort((one, other) =>
    String(one[field] ?? "").localeCompare(String(other[field] ?? ""), "en", { numeric: true }),
  );
  return ascending ? sorted : sorted.reverse();
}

/** Sorts rows that are made; what is unknown is last. */
export function byColumn(rows: Row[], column: string, ascending: boolean): Row[] {
  const known = (row: Row) => row[column] !== null && row[column] !== undefined;
  const sorted = rows.filter(known).sort((one, other) => {
    const [a, b] = [one[column] ?? 0, other[column] ?? 0];
    return a === b ? 0 : a < b === ascending ? -1 : 1;
  });
  return [...sorted, ...rows.filter((row) => !known(row))];
}

export function nameOf(row: Row, by: string[]): string {
  return JSON.stringify(by.map((field) => row[field] ?? null));
}

/** The requests of each name before; `null` where most of that time is unknown: then nothing is new. */
function beforeByName(answer: Answer | null, by: string[]): Map<string, number> | null {
  if (!answer || answer.error || answer.known < 0.9 * (answer.until - answer.since)) return null;
  return new Map(answerRows(answer).map((row) => [nameOf(row, by), Number(row.hits ?? 0)]));
}
