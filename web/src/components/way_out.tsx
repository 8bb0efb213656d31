// Where there is nothing to see, or nothing to compare with: what is there, and the way to it.

import { formatCount, formatDuration, formatRoundDuration } from "../format.ts";
import { useAsk, useMedia } from "../hooks.ts";
import { copyText } from "../narrowing.ts";
import type { PageData } from "../page_data.ts";
import { localTimes, shellWord } from "../sentences.ts";
import { clockNear } from "../spans.ts";
import { go, hello, link, newest, snapshot, utc } from "../store.ts";
import { windows } from "../time_travel.ts";
import {
  allAsk,
  comparableWindow,
  knownIn,
  lastLogged,
  startOfKnown,
  type Known,
} from "../way_out.ts";
import { Icon } from "./icons.tsx";
import { Text } from "./text.tsx";

/** Why there is nothing to see, with one click to what there is. */
export function NothingHere({ data }: { data: PageData }) {
  const { until, filters } = link.value;
  const { answer, isOld } = data.total;
  const known = snapshot.value;
  const isPlain = known !== null && until === null && !filters.length;
  const isEmpty = isPlain && answer !== null && !isOld && (answer.total?.hits ?? 0) === 0;
  const canAsk = isEmpty && !answer.error;
  const all = useAsk(canAsk ? allAsk(newest.value) : null, 1);
  // Without a history the snapshot says whether there is anything.
  if (!isEmpty || (canAsk ? !all.answer : known.hits > 0)) return null;
  const found = knownIn(all.answer);
  const last = lastLogged(known);
  if (found) return <Offer known={found} seconds={data.scope.seconds} />;
  if (last !== null && !known.health.lines) return <NotRead last={last} />;
  return known.explanation ? (
    <p class="banner explain" role="status">
      <Icon name="info" />{" "}
      <span>
        <Text value={localTimes(known.explanation, newest.value, utc.value)} />
      </span>
    </p>
  ) : null;
}

/** Goes to all that is known, up to a second after its last request. */
function showAll({ first, last }: Known): void {
  go({ window: Math.max(10, last + 1 - first), until: last + 1, paused: false });
}

function Offer({ known, seconds }: { known: Known; seconds: number }) {
  const { first, last, hits } = known;
  const now = newest.value;
  return (
    <p class="banner explain" role="status">
      <Icon name="info" />
      <span>
        <b>No requests in the last {formatRoundDuration(seconds)}.</b> The last one was at{" "}
        {clockNear(last, now, utc.value)}, {formatDuration(now - last)} ago. {formatCount(hits)}{" "}
        {hits === 1 ? "request is" : "requests are"} known, from{" "}
        {clockNear(first, now, utc.value, false)} on.
      </span>
      {!link.value.kiosk && (
        <button type="button" class="way-out" onClick={() => showAll(known)}>
          Show all of them, {formatDuration(last + 1 - first)}
        </button>
      )}
    </p>
  );
}

function NotRead({ last }: { last: number }) {
  const now = newest.value;
  const sources = hello.value?.sources ?? [];
  const one = sources.length === 1 ? sources[0] : undefined;
  const command =
    one === undefined || one === "-" ? "" : `glancemetrics ${shellWord(one)} --from start --web`;
  return (
    <p class="banner explain" role="status">
      <Icon name="info" />
      <span>
        <b>
          {sources.length === 1 ? "This log" : "The newest of these logs"} ended at{" "}
          {clockNear(last, now, utc.value)},
        </b>{" "}
        {formatDuration(now - last)} ago. What is older than the windows was not read; new requests
        appear here as they are logged.
        {command && (
          <>
            {" "}
            To see what is there: <code>{command}</code>
          </>
        )}
      </span>
      {command && !link.value.kiosk && (
        <button type="button" class="way-out" onClick={() => void copyText(command)}>
          Copy the command
        </button>
      )}
    </p>
  );
}

const ENOUGH = 0.5;

/** Says that there is nothing to compare with, and from when on there will be. */
export function NothingBefore({ data }: { data: PageData }) {
  const isNarrow = useMedia("(max-width: 700px)");
  const { compare, until, kiosk } = link.value;
  const { answer, isOld } = data.before;
  if (compare === "none" || kiosk || !answer || isOld || answer.error) return null;
  if (answer.known >= ENOUGH * (answer.until - answer.since)) return null;
  const start = startOfKnown(data.total.answer, answer);
  const end = until ?? newest.value;
  const shorter =
    start === null ? null : comparableWindow(compare, end - start, windows(), data.scope.seconds);
  return (
    <p class="banner info" role="status">
      <Icon name="info" />
      <span>
        <b>{answer.known > 0 ? "Too little" : "Nothing"} to compare with</b> {data.beforeText}
        {start === null ? "" : `: no data before ${clockNear(start, end, utc.value)}`}.{" "}
        {!isNarrow && (
          <>
            If the log reaches further back, <code>--from start</code> reads all of it.
          </>
        )}
      </span>
      {shorter !== null && (
        <button type="button" class="way-out" onClick={() => go({ window: shorter })}>
          Compare {formatRoundDuration(shorter)}
        </button>
      )}
      {compare !== "before" && shorter === null && (
        <button type="button" class="way-out" onClick={() => go({ compare: "before" })}>
          Compare with the span before
        </button>
      )}
    </p>
  );
}
