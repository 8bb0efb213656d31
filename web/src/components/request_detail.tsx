// One request: every field, and its line in the log, in a panel beside the page.

import { useEffect, useRef, useState } from "preact/hooks";

import { ApiError, rawLine } from "../api.ts";
import { copyText, exclude, narrowTo } from "../narrowing.ts";
import { shownRequest } from "../overlays.ts";
import { fieldsOf, NARROWING, requestText, targetOf, timeOf } from "../requests.ts";
import type { Row } from "../rows.ts";
import { go, hello, utc } from "../store.ts";
import { zoneName } from "../spans.ts";
import { visible } from "../text.ts";
import { Icon } from "./icons.tsx";
import { Text } from "./text.tsx";

export function RequestDetail() {
  const record = shownRequest.value;
  return record ? <Panel record={record} key={JSON.stringify(record)} /> : null;
}

function Panel({ record }: { record: Row }) {
  const [line, setLine] = useState<{ line: string; missing: string } | null>(null);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    let isHere = true;
    rawLine(record)
      .catch((error: unknown) => ({
        line: "",
        missing: error instanceof ApiError ? error.message : "The line could not be read",
      }))
      .then((found) => isHere && setLine(found));
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      isHere = false;
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [record]);
  const close = () => (shownRequest.value = null);
  const time = timeOf(record);
  const kept = new Set(hello.value?.kept ?? []);
  return (
    <aside
      class="panel"
      aria-label="One request"
      ref={panel}
      tabIndex={-1}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <header class="panel-head">
        <span class={`status s${String(record.status ?? "").charAt(0)}`}>
          {String(record.status ?? "–")}
        </span>
        <h2>
          <span class="method">
            <Text value={record.method ?? ""} />
          </span>{" "}
          <Text value={targetOf(record)} isUrl />
        </h2>
        <button
          type="button"
          class="quiet icon-button"
          aria-label="Close"
          title="Close (Esc)"
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="panel-buttons">
        <button type="button" onClick={() => void copyText(requestText(record))}>
          <Icon name="copy" /> Copy request
        </button>
        {time !== null && (
          <button
            type="button"
            onClick={() => go({ until: Math.ceil(time) + 30, window: 60, paused: false })}
          >
            <Icon name="clock" /> Go to its minute
          </button>
        )}
      </div>
      <dl class="fields">
        {fieldsOf(record, utc.value).map(({ name, text, raw }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Text
                value={name === "time" ? `${text} ${zoneName(time ?? 0, utc.value)}` : text}
                isUrl={name === "path" || name === "query" || name === "referrer"}
              />
              {(NARROWING.has(name) || kept.has(name)) && (
                <span class="field-buttons">
                  <button
                    type="button"
                    class="quiet icon-button"
                    aria-label={`Only ${name} ${visible(raw)}`}
                    title="Only these"
                    onClick={() => narrowTo(name, raw)}
                  >
                    <Icon name="filter" />
                  </button>
                  <button
                    type="button"
                    class="quiet icon-button"
                    aria-label={`Exclude ${name} ${visible(raw)}`}
                    title="Exclude these"
                    onClick={() => exclude(name, raw)}
                  >
                    <Icon name="exclude" />
                  </button>
                </span>
              )}
            </dd>
          </div>
        ))}
      </dl>
      <h3>The line in the log</h3>
      {line === null ? (
        <p class="dim">Looking for it…</p>
      ) : line.line ? (
        <>
          <pre class="raw" tabIndex={0}>
            <Text value={line.line} />
          </pre>
          <button type="button" onClick={() => void copyText(line.line)}>
            <Icon name="copy" /> Copy line
          </button>
        </>
      ) : (
        <p class="dim">
          <Text value={line.missing || "The line was not found."} />
        </p>
      )}
    </aside>
  );
}
