// Which time is shown: window, back and forward, a typed time, live; and what it is compared with.

import { useCallback, useRef, useState } from "preact/hooks";

import { formatRoundDuration } from "../format.ts";
import { COMPARISONS, type Comparison } from "../link.ts";
import { openOverlay } from "../overlays.ts";
import { clockNear } from "../spans.ts";
import { earlier, later, live, setWindow, togglePause, windows } from "../time_travel.ts";
import {
  connection,
  go,
  isUnreached,
  isWholeLog,
  link,
  newest,
  seconds,
  snapshot,
  utc,
} from "../store.ts";
import { Icon } from "./icons.tsx";
import { Menu } from "./menu.tsx";
import { withKey } from "../single_keys.ts";

const COMPARISON_TITLES: Record<Comparison, string> = {
  none: "No comparison line",
  before: "With the span before",
  day: "With a day before",
  week: "With a week before",
};

/** `Last 5 min`, `Whole log: 3 d`, `10 min until 14:05`. */
export function spanText(): string {
  const length = formatRoundDuration(seconds.value);
  const { until } = link.value;
  if (until !== null)
    return `${length} until ${clockNear(until, newest.value, utc.value, until % 60 !== 0)}`;
  if (isWholeLog.value) return `Whole log: ${length}`;
  return `Last ${length}`;
}

export function TimeControls() {
  const { until, compare } = link.value;
  return (
    <div class="time-controls" role="group" aria-label="Time">
      <div class="joined">
        <button
          type="button"
          class="icon-button"
          aria-label="A window back"
          title={withKey("A window back", "[")}
          onClick={earlier}
        >
          <Icon name="left" />
        </button>
        <WindowPicker />
        <button
          type="button"
          class="icon-button"
          aria-label="A window forward"
          title={withKey("A window forward", "]")}
          disabled={until === null}
          onClick={later}
        >
          <Icon name="right" />
        </button>
      </div>
      <ComparePicker compare={compare} />
      <LiveButton />
    </div>
  );
}

/** Says whether what is shown follows the log; a click pauses, or goes back to now. */
function LiveButton() {
  const { until, paused } = link.value;
  if (until !== null) {
    return (
      <button type="button" class="live-button off" onClick={live} title="Back to now (End)">
        <Icon name={paused ? "play" : "right"} /> {paused ? "Resume" : "Go live"}
      </button>
    );
  }
  if (connection.value !== "open") {
    const isOffline = connection.value === "lost" || isUnreached.value;
    return (
      <button
        type="button"
        class="live-button"
        disabled
        title={isOffline ? "Reconnecting" : "Connecting"}
      >
        <i class="live-dot" /> {isOffline ? "Offline" : "Connecting…"}
      </button>
    );
  }
  const isPast = snapshot.value?.live === false;
  return (
    <button
      type="button"
      class={`live-button ${isPast ? "" : "on"}`}
      disabled={isPast}
      onClick={togglePause}
      title={isPast ? "This log has ended" : withKey("Pause; counting continues", "p")}
    >
      <i class="live-dot" /> {isPast ? "End of log" : "Live"}
    </button>
  );
}

function WindowPicker() {
  const anchor = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  const choose = (next: number | null) => {
    setOpen(false);
    anchor.current?.focus();
    setWindow(next);
  };
  const chosen = link.value.window;
  return (
    <>
      <button
        type="button"
        ref={anchor}
        class="window-button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        title={withKey("Window", "w")}
      >
        {spanText()} <Icon name="chevron" />
      </button>
      {isOpen && anchor.current && (
        <Menu anchor={anchor.current} label="Window" onClose={close}>
          <button
            type="button"
            role="menuitemradio"
            aria-checked={chosen === null}
            onClick={() => choose(null)}
          >
            Default {chosen === null && <Icon name="check" />}
          </button>
          {windows().map((one) => (
            <button
              type="button"
              role="menuitemradio"
              key={one}
              aria-checked={chosen === one}
              onClick={() => choose(one)}
            >
              {formatRoundDuration(one)} {chosen === one && <Icon name="check" />}
            </button>
          ))}
          <hr />
          <button
            type="button"
            role="menuitem"
            onClick={() => {
              setOpen(false);
              openOverlay({ kind: "time", anchor: anchor.current });
            }}
          >
            <Icon name="clock" /> Go to a time… <kbd>t</kbd>
          </button>
        </Menu>
      )}
    </>
  );
}

function ComparePicker({ compare }: { compare: Comparison }) {
  const anchor = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  return (
    <>
      <button
        type="button"
        ref={anchor}
        class={`compare-button ${compare === "none" ? "" : "on"}`}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        title={withKey("Compare with an earlier time", "c")}
      >
        {compare === "none"
          ? "Compare"
          : { before: "vs. before", day: "vs. day before", week: "vs. week before" }[compare]}{" "}
        <Icon name="chevron" />
      </button>
      {isOpen && anchor.current && (
        <Menu anchor={anchor.current} label="Compare" onClose={close}>
          {COMPARISONS.map((one) => (
            <button
              type="button"
              role="menuitemradio"
              key={one}
              aria-checked={one === compare}
              onClick={() => {
                setOpen(false);
                anchor.current?.focus();
                go({ compare: one });
              }}
            >
              {COMPARISON_TITLES[one]} {one === compare && <Icon name="check" />}
            </button>
          ))}
        </Menu>
      )}
    </>
  );
}
