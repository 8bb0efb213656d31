// What stands around every view: navigation, title, time, filters, banners, foot.

import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";

import { addressOf } from "../api.ts";
import type { Answer } from "../contract.ts";
import { clockNear, zoneName } from "../spans.ts";
import { rateNow } from "../figures.ts";
import { formatDuration, formatRate } from "../format.ts";
import { ongoingAt } from "../incidents.ts";
import { VIEWS, type ViewName } from "../link.ts";
import { openOverlay } from "../overlays.ts";
import { localTimes } from "../sentences.ts";
import {
  announced,
  connection,
  filterError,
  go,
  goneBecause,
  goToView,
  heardAt,
  hello,
  isStale,
  isUnreached,
  link,
  misread,
  newest,
  snapshot,
  told,
  utc,
  whyNotConnected,
} from "../store.ts";
import { nextTheme, setTheme, theme } from "../theme.ts";
import { writeLink } from "../link.ts";
import { useTick } from "../hooks.ts";
import { spanText } from "./time_controls.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { visible } from "../text.ts";
import { Text } from "./text.tsx";
import { statusOf } from "../status.ts";
import { hasSingleKeys, withKey } from "../single_keys.ts";

export const VIEW_TITLES: Record<ViewName, string> = {
  overview: "Overview",
  urls: "URLs",
  errors: "Errors",
  clients: "Clients",
  latency: "Latency",
  alerts: "Alerts",
  requests: "Requests",
  health: "Health",
  servers: "Servers",
};

/** The views with something to show. */
export function offeredViews(): ViewName[] {
  return VIEWS.filter(
    (one) => one !== "servers" || one === link.value.view || snapshot.value?.has_servers,
  );
}

export function Navigation() {
  const current = link.value;
  const firing = ongoingAt(snapshot.value, current.until);
  const troubles = snapshot.value?.troubles.length ?? 0;
  const worst = firing.some((one) => one.severity === "critical")
    ? "critical"
    : firing.some((one) => one.severity === "warning")
      ? "warning"
      : "info";
  return (
    <nav class="nav" aria-label="Views">
      <a
        class="brand"
        href={writeLink({ ...current, view: "overview", zoom: null, chosen: null }) || "?"}
        onClick={(event) => follow(event, "overview")}
      >
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect class="brand-back" width="32" height="32" rx="8" />
          <rect class="brand-bar" x="7" y="17" width="4" height="8" rx="1.2" />
          <rect class="brand-bar" x="14" y="7" width="4" height="18" rx="1.2" />
          <rect class="brand-bar" x="21" y="12" width="4" height="13" rx="1.2" />
        </svg>
        <span>GlanceMetrics</span>
      </a>
      <ul>
        {offeredViews().map((view, i) => {
          const badge = view === "alerts" ? firing.length : view === "health" ? troubles : 0;
          return (
            <li key={view}>
              <a
                href={writeLink({ ...current, view, zoom: null, chosen: null }) || "?"}
                aria-current={view === current.view ? "page" : undefined}
                onClick={(event) => follow(event, view)}
              >
                <Icon name={view as IconName} />
                <span class="nav-title">{VIEW_TITLES[view]}</span>
                {badge > 0 ? (
                  <span class={`badge ${view === "alerts" ? worst : "warning"}`}>
                    {badge}
                    <span class="visually-hidden">
                      {view === "alerts" ? " active" : " problems"}
                    </span>
                  </span>
                ) : (
                  <kbd aria-hidden="true">{i + 1}</kbd>
                )}
              </a>
            </li>
          );
        })}
      </ul>
      <div class="nav-foot">
        <button
          type="button"
          class="quiet with-text"
          onClick={() => openOverlay({ kind: "palette" })}
        >
          <Icon name="search" /> <span class="nav-title">Commands</span> <kbd>:</kbd>
        </button>
        <button type="button" class="quiet with-text" onClick={() => openOverlay({ kind: "help" })}>
          <Icon name="keyboard" /> <span class="nav-title">Keys</span> <kbd>?</kbd>
        </button>
        <button
          type="button"
          class="quiet with-text"
          onClick={() => setTheme(nextTheme())}
          title={withKey("Theme", "T")}
        >
          <Icon name={theme.value === "light" ? "sun" : theme.value === "dark" ? "moon" : "auto"} />
          <span class="nav-title">
            {{ auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" }[theme.value]}
          </span>
        </button>
        <button
          type="button"
          class="quiet with-text"
          aria-pressed={utc.value}
          onClick={() => go({ utc: !utc.value }, "replace")}
          title={withKey("Times in UTC or in your time zone", "U")}
        >
          <Icon name="globe" />
          <span class="nav-title">
            Times: {zoneName(newest.value || Date.now() / 1000, utc.value)}
          </span>
        </button>
        {hello.value?.has_login && (
          <form method="post" action={addressOf("logout")}>
            <button type="submit" class="quiet with-text">
              <Icon name="logout" /> <span class="nav-title">Log out</span>
            </button>
          </form>
        )}
      </div>
    </nav>
  );
}

function follow(event: MouseEvent, view: ViewName): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  goToView(view);
}

export function Title({ total }: { total: Answer | null }) {
  const greeting = hello.value;
  const known = snapshot.value;
  const { view, kiosk, until, filters } = link.value;
  const sources = greeting?.sources ?? [];
  const first = sources[0] === "-" ? "standard input" : sources[0];
  // The end of a path tells logs apart; all of it is in the tooltip and in Health.
  const fleet = /^rediss?(?:\+sentinel)?:\/\/[^?]*(?:\?(?:.*&)?fleet=([^&]+))?/.exec(first ?? "");
  const short = fleet ? `fleet ${fleet[1] ?? "default"}` : first?.split(/[/\\]/).pop() || first;
  const formats = [
    ...new Set((known?.health.sources ?? []).map((one) => one.format).filter((one) => one)),
  ];
  const shown = known && statusOf(known, { until, isNarrowed: filters.length > 0, total });
  const status = shown && { ...shown, text: until === null ? shown.text : `${shown.text} then` };
  // What was true when the connection was lost may be over.
  const tone = isStale.value && status?.tone === "fine" ? "unknown" : status?.tone;
  const isBad = tone === "critical" || tone === "warning";
  const lead = isStale.value ? "○ no connection · " : isBad ? `● ${status?.text} · ` : "";
  const about = known && (until === null ? `${formatRate(rateNow(known))} req/s` : spanText());
  // The tab says what the header says, of the same time.
  useLayoutEffect(() => {
    if (about !== null) document.title = `${lead}${about} – GlanceMetrics`;
  }, [lead, about]);
  return (
    <div class="title">
      <h1>{kiosk && view === "overview" ? "GlanceMetrics" : VIEW_TITLES[view]}</h1>
      <p class="title-log" title={sources.slice(0, 20).map(visible).join("\n")}>
        {short === undefined ? "" : <Text value={short} />}
        {sources.length > 1 && ` and ${sources.length - 1} more`}
        {formats.length > 0 && <span class="dim"> · {formats.join(", ")}</span>}
        {greeting?.where && (
          <span class="dim">
            {" "}
            · only <Text value={greeting.where} />
          </span>
        )}
        {known?.live === false && <span class="tag">past log</span>}
        {kiosk && <span class="dim"> · {spanText()}</span>}
      </p>
      {status && (
        <a
          class={`state-pill ${tone}`}
          href={writeLink({ ...link.value, view: "alerts", zoom: null, chosen: null })}
          onClick={(event) => follow(event, "alerts")}
        >
          <Icon name={tone === "fine" || tone === "quiet" ? "check" : "errors"} />{" "}
          {tone === "unknown" ? "State unknown" : status.text}
        </a>
      )}
      {!kiosk && (
        <button
          type="button"
          class="quiet icon-button more-commands"
          aria-label="Commands"
          onClick={() => openOverlay({ kind: "palette" })}
        >
          <Icon name="menu" />
        </button>
      )}
      {kiosk && known && (
        <time class="wall-clock">
          {clockNear(newest.value, known.time, utc.value)} {zoneName(newest.value, utc.value)}
        </time>
      )}
    </div>
  );
}

const LIVE = { until: null, isNarrowed: false, total: null };

export function Banners({ children }: { children: ComponentChildren }) {
  const state = connection.value;
  const isLost = state === "lost";
  const second = useTick(isLost);
  const known = snapshot.value;
  const age = Math.max(0, second - heardAt.value / 1000);
  const { until, paused } = link.value;
  const troubles = known?.troubles ?? [];
  const now = until !== null && known ? statusOf(known, LIVE) : null;
  const nowText = now && now.tone !== "fine" ? ` Now: ${now.text}.` : "";
  return (
    <section class="banners" aria-label="Notices">
      {isUnreached.value ? (
        <p class="banner lost" role="alert">
          <Icon name="errors" />
          <span>
            <b>Not connected.</b> <Text value={whyNotConnected.value} /> Trying again…
          </span>
        </p>
      ) : (
        isLost && (
          <p class="banner lost" role="status">
            <Icon name="errors" />
            <span>
              <b>{goneBecause.value ? "The server has ended" : "Connection lost"}.</b>{" "}
              {heardAt.value > 0 && (
                <>
                  What you see is <span aria-live="off">{formatDuration(Math.round(age))}</span>{" "}
                  old.{" "}
                </>
              )}
              <Text value={whyNotConnected.value} /> Reconnecting…
            </span>
          </p>
        )
      )}
      {misread.value.length > 0 && (
        <p class="banner trouble" role="status">
          <Icon name="info" />
          <span>
            <b>This link is not quite right</b>, so a part of it is ignored:{" "}
            <Text value={misread.value.join(" · ")} />
          </span>
          {!link.value.kiosk && (
            <button type="button" class="way-out" onClick={() => (misread.value = [])}>
              Close
            </button>
          )}
        </p>
      )}
      {link.value.kiosk && filterError.value && (
        <p class="banner lost" role="status">
          <Icon name="errors" /> <Text value={filterError.value.replace(/^--where /, "Filter ")} />
        </p>
      )}
      {paused && (
        <p class="banner info" role="status">
          <Icon name="pause" />
          <span>
            Paused at {spanText().split(" until ")[1]}; counting continues.{nowText}
            {hasSingleKeys.value && (
              <span class="key-hint">
                {" "}
                <kbd>p</kbd> resumes.
              </span>
            )}
          </span>
        </p>
      )}
      {until !== null && !paused && (
        <p class="banner info" role="status">
          <Icon name="clock" />
          <span>
            You are looking at the past: {spanText()}.{nowText}
            <span class="key-hint">
              {" "}
              <kbd class="named">End</kbd> goes back to now.
            </span>
          </span>
        </p>
      )}
      {troubles.slice(0, 3).map((text) => (
        <p class="banner trouble" key={text}>
          <Icon name="errors" />{" "}
          <span>
            <Text value={localTimes(text, newest.value, utc.value)} />
          </span>
        </p>
      ))}
      {troubles.length > 3 && (
        <p class="banner trouble">
          <Icon name="errors" />
          <a
            href={writeLink({ ...link.value, view: "health" })}
            onClick={(event) => follow(event, "health")}
          >
            {troubles.length - 3} more problems
          </a>
        </p>
      )}
      {children}
      {hello.value?.note && (
        <p class="banner note">
          <Icon name="info" /> <Text value={hello.value.note} />
        </p>
      )}
    </section>
  );
}

export function Toast() {
  const message = told.value;
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">
        {announced.value}
      </div>
      <div class="toast-place" role="status" aria-live="polite">
        {message && (
          <div class={`toast ${message.isBad ? "bad" : ""}`} key={message.at}>
            {message.text}
          </div>
        )}
      </div>
    </>
  );
}
