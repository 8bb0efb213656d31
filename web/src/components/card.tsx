// A card: a titled part of a page, which can be shown alone.

import type { ComponentChildren } from "preact";

import { localTimes, missingHelp } from "../sentences.ts";
import { filterError, go, isUnreached, link, newest, utc } from "../store.ts";
import { Icon } from "./icons.tsx";
import { withKey } from "../single_keys.ts";

interface Props {
  id: string;
  title: string;
  /** Beside the title, dim. */
  note?: ComponentChildren;
  /** At the right end of the title. */
  tools?: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean;
  canZoom?: boolean;
  looks?: string;
  /** The card's table, for keys. */
  table?: string;
}

export function Card({
  id,
  title,
  note,
  tools,
  children,
  looks = "",
  canZoom = true,
  table,
}: Props) {
  const { zoom, kiosk } = link.value;
  if (zoom && zoom !== id) return null;
  const isZoomed = zoom === id;
  const heading = `card-${id.replace(/[^A-Za-z0-9]+/g, "-")}`;
  return (
    <section
      class={`card ${looks} ${isZoomed ? "zoomed" : ""}`}
      aria-labelledby={heading}
      data-card={id}
      data-table={table}
    >
      <header class="card-head">
        <h2 id={heading}>{title}</h2>
        {note && <div class="card-note">{note}</div>}
        <div class="card-tools">
          {tools}
          {canZoom && !kiosk && (
            <button
              type="button"
              class="quiet icon-button"
              aria-label={isZoomed ? `Show all cards, not only ${title}` : `Show only ${title}`}
              title={
                isZoomed ? withKey("Show all cards", "z") : withKey("Show only this card", "z")
              }
              aria-pressed={isZoomed}
              onClick={() => go({ zoom: isZoomed ? null : id })}
            >
              <Icon name={isZoomed ? "close" : "zoom"} />
            </button>
          )}
        </div>
      </header>
      {children}
    </section>
  );
}

/** What a card shows before its first answer: as high as what will come, so that nothing jumps. */
export function Waiting({ lines = 5, error = "" }: { lines?: number; error?: string | undefined }) {
  if (isUnreached.value || filterError.value || error) return <Unknown />;
  return (
    <div class="waiting" role="status">
      <span class="visually-hidden">Loading</span>
      {Array.from({ length: lines }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

/** Where nothing is known and nothing is on its way. */
export function Unknown() {
  return (
    <p class="empty unknown">
      <span aria-hidden="true">–</span>
      <span class="visually-hidden">Unknown</span>
    </p>
  );
}

/** Which part of the span is missing, beside the title of a chart. */
export function Missing({ text }: { text: string | undefined }) {
  if (!text) return null;
  const local = localTimes(text, newest.value, utc.value);
  return (
    <span class="missing" title={missingHelp(local)}>
      <Icon name="info" /> {local}
    </span>
  );
}

/** Sentences of the server about an answer: an error, or what of the span is missing. */
export function AnswerNote({
  error,
  missing,
}: {
  error?: string | undefined;
  missing?: string | undefined;
}) {
  // That of a filter stands at the filter.
  if (error && filterError.value) return null;
  if (error) {
    return (
      <p class="answer-note bad">
        <Icon name="errors" /> {error}
      </p>
    );
  }
  if (!missing) return null;
  const local = localTimes(missing, newest.value, utc.value);
  return (
    <p class="answer-note" title={missingHelp(local)}>
      <Icon name="info" /> {local}
    </p>
  );
}
