// Requests: the live log, parsed, newest first; a click shows all of one.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { idOf } from "../answers.ts";
import { addressOf } from "../api.ts";
import { downloadLink, MOST_RECORDS, recordsAsk } from "../asks.ts";
import { AnswerNote, Card, Waiting } from "../components/card.tsx";
import { Icon } from "../components/icons.tsx";
import { RequestRows } from "../components/request_rows.tsx";
import { togglePause } from "../time_travel.ts";
import { formatCount, formatRoundDuration } from "../format.ts";
import { focusOnce, useAsk } from "../hooks.ts";
import { copyText, exclude } from "../narrowing.ts";
import { shownRequest } from "../overlays.ts";
import type { PageData } from "../page_data.ts";
import { countSince, fileText, requestText } from "../requests.ts";
import { answerRows, type Row } from "../rows.ts";
import { link, newest, snapshot } from "../store.ts";
import { addTable } from "../tables.ts";
import { withKey } from "../single_keys.ts";

const PAGE = 100;
const MOST = 1000;

/** The rows as they were when somebody began to read them: a list must not move under the eyes. */
function useHeld(rows: Row[], isHeld: boolean, id: string): Row[] {
  const held = useRef<{ rows: Row[]; id: string } | null>(null);
  if (!isHeld || held.current?.id !== id) held.current = null;
  if (isHeld) held.current ??= { rows, id };
  return held.current?.rows ?? rows;
}

function toNewest(): void {
  document.querySelector("[data-card='requests'] .rows")?.scrollTo({ top: 0 });
}

export function Requests({ data }: { data: PageData }) {
  const [limit, setLimit] = useState(PAGE);
  const [isFinding, setFinding] = useState(false);
  const [find, setFind] = useState("");
  const ask = recordsAsk(data.scope, limit);
  const { answer, isOld } = useAsk(ask, 1);
  const [isAway, setAway] = useState(false);
  const newRecords = useMemo(() => answerRows(answer), [answer]);
  const records = useHeld(newRecords, isAway && !isOld, idOf(ask));
  const shown = useMemo(() => {
    const wanted = find.trim().toLowerCase();
    if (!wanted) return records;
    return records.filter((one) =>
      Object.values(one).some((value) =>
        String(value ?? "")
          .toLowerCase()
          .includes(wanted),
      ),
    );
  }, [records, find]);
  const handle = useMemo<{
    current: {
      move: (by: number) => void;
      toEnd: (end: "first" | "last") => void;
      row: () => Row | null;
    } | null;
  }>(() => ({ current: null }), []);
  useEffect(() =>
    addTable({
      key: "requests/list",
      move: (by) => handle.current?.move(by),
      toEnd: (end) => handle.current?.toEnd(end),
      focus: () => handle.current?.move(0),
      open: () => {
        shownRequest.value = handle.current?.row() ?? null;
      },
      exclude: () => {
        const host = handle.current?.row()?.host;
        if (host != null) exclude("host", String(host));
      },
      sort: () => {},
      reverse: () => {},
      find: () => setFinding(true),
      copy: () => {
        const row = handle.current?.row();
        if (row) void copyText(requestText(row));
      },
    }),
  );
  const { until, paused } = link.value;
  // A quiet log shows its last requests, too: those of the day before the span, and says so.
  const isLonger = ask.seconds > data.scope.seconds;
  const span = formatRoundDuration(data.scope.seconds);
  const recent = isLonger
    ? countSince(shown, Math.floor(newest.value) - data.scope.seconds)
    : shown.length;
  const hits = data.total.answer?.total?.hits ?? 0;
  const isFileShort = hits > MOST_RECORDS;
  const isFollowing = until === null && snapshot.value?.live !== false;
  return (
    <div class="grid">
      <Card
        id="requests"
        table="requests/list"
        title="Requests"
        canZoom={false}
        note={`${isAway && isFollowing ? "stands still while you read" : paused ? "paused; counting continues" : isFollowing ? "newest first, live" : "newest first"}${recent < shown.length ? `; ${formatCount(recent)} in the last ${span}, the others of the day before` : ""}`}
        tools={
          <>
            {isAway && isFollowing && (
              <button type="button" class="quiet with-text" onClick={toNewest}>
                <Icon name="up" /> Newest
              </button>
            )}
            {snapshot.value?.live !== false && (
              <button
                type="button"
                class="quiet with-text"
                onClick={togglePause}
                title={
                  paused ? withKey("Follow the log again", "p") : withKey("Stop the list", "p")
                }
              >
                <Icon name={paused ? "play" : "pause"} /> {paused ? "Resume" : "Pause"}
              </button>
            )}
            <button
              type="button"
              class="quiet icon-button"
              aria-label="Find in the requests"
              aria-pressed={isFinding}
              title={withKey("Find in the table", "/")}
              onClick={() => setFinding(!isFinding)}
            >
              <Icon name="search" />
            </button>
            <a
              class={`quiet ${isFileShort ? "with-text" : "icon-button"}`}
              href={addressOf(
                downloadLink(recordsAsk(data.scope, MOST_RECORDS, undefined, 0), newest.value),
              )}
              download="requests.csv"
              aria-label={isFileShort ? undefined : "Download the requests as CSV"}
              title={fileText(hits, MOST_RECORDS, span, addressOf(""))}
            >
              <Icon name="download" />
              {isFileShort && `newest ${formatCount(MOST_RECORDS)} of ${formatCount(hits)}`}
            </a>
          </>
        }
      >
        {isFinding && (
          <div class="find">
            <Icon name="search" />
            <input
              type="search"
              value={find}
              placeholder="Find in the requests shown"
              aria-label="Find in the requests shown"
              ref={focusOnce}
              onInput={(event) => setFind((event.target as HTMLInputElement).value)}
              onKeyDown={(event) => {
                if (event.key !== "Escape") return;
                setFind("");
                setFinding(false);
              }}
            />
            <span class="find-count" role="status">
              {find.trim() ? `${formatCount(shown.length)} of ${formatCount(records.length)}` : ""}
            </span>
          </div>
        )}
        <AnswerNote error={answer?.error} missing={isLonger ? "" : answer?.missing} />
        {answer === null || answer.error ? (
          <Waiting lines={20} error={answer?.error} />
        ) : shown.length ? (
          <div class={isOld ? "is-old" : ""}>
            <RequestRows
              records={shown}
              title="Requests, newest first"
              recent={recent}
              olderText={`Older than the last ${span}, which the figures above are of`}
              onAway={setAway}
              handle={handle}
            />
          </div>
        ) : (
          <p class="empty">{find.trim() ? "Nothing found." : "No requests in this span."}</p>
        )}
        {answer?.has_more && !link.value.kiosk && (
          <button
            type="button"
            class="more"
            disabled={limit >= MOST}
            onClick={() => setLimit(Math.min(MOST, limit * 3))}
          >
            {limit >= MOST
              ? "The newest 1,000; narrow down or go back in time for more"
              : "More requests"}
          </button>
        )}
      </Card>
    </div>
  );
}
