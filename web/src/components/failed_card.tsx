// The newest requests that failed, of the last hour at least: what failed a minute ago still matters.

import { useMemo } from "preact/hooks";

import { recordsAsk } from "../asks.ts";
import { useAsk, useOnScreen } from "../hooks.ts";
import type { PageData } from "../page_data.ts";
import { answerRows } from "../rows.ts";
import { AnswerNote, Card, Waiting } from "./card.tsx";
import { Icon } from "./icons.tsx";
import { RequestRows } from "./request_rows.tsx";

const AN_HOUR = 3600;

export function FailedCard({ data }: { data: PageData }) {
  const [element, isSeen] = useOnScreen<HTMLDivElement>();
  const ask = recordsAsk(data.scope, 30, "status >= 400", AN_HOUR);
  const isLonger = ask.seconds > data.scope.seconds;
  const { answer, isOld } = useAsk(ask, 14, isSeen);
  const records = useMemo(() => answerRows(answer), [answer]);
  return (
    <div ref={element} class="card-cell full">
      <Card
        id="failed"
        title="Requests that failed"
        note={`newest first${isLonger ? ", of the last hour" : ""}`}
      >
        <AnswerNote error={answer?.error} />
        {answer === null || answer.error ? (
          <Waiting lines={6} error={answer?.error} />
        ) : records.length ? (
          <div class={isOld ? "is-old" : ""}>
            <RequestRows records={records} title="Requests that failed, newest first" />
          </div>
        ) : (
          <p class="all-well">
            <Icon name="check" /> No request failed
          </p>
        )}
      </Card>
    </div>
  );
}
