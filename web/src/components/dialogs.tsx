// What lies over the page: help, commands, going to a time, silencing.

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";

import { silence } from "../api.ts";
import { formatRoundDuration } from "../format.ts";
import { ACTIONS, keyShown, moreCommands, type Action } from "../keys.ts";
import { closeOverlay, overlay } from "../overlays.ts";
import { clockNear, fullTime, parseSpan, parseTime, parseTimes, zoneName } from "../spans.ts";
import { go, link, newest, seconds, utc } from "../store.ts";
import { hasSingleKeys, isSingle, setSingleKeys } from "../single_keys.ts";
import { attempt } from "./incident_list.tsx";
import { Icon } from "./icons.tsx";

export function Overlays() {
  const open = overlay.value;
  if (!open) return null;
  switch (open.kind) {
    case "help":
      return <Help />;
    case "palette":
      return <Palette />;
    case "time":
      return <GoToTime />;
    case "silence":
      return <Silence rule={open.rule} title={open.title} />;
  }
}

function Dialog({
  label,
  children,
  looks = "",
}: {
  label: string;
  children: ComponentChildren;
  looks?: string;
}) {
  const node = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = node.current;
    if (!dialog) return;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={node}
      class={`dialog ${looks}`}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        closeOverlay();
      }}
      onClick={(event) => event.target === node.current && closeOverlay()}
    >
      <div class="dialog-inside">{children}</div>
    </dialog>
  );
}

function Help() {
  const groups = [...new Set(ACTIONS.map((action) => action.group))];
  return (
    <Dialog label="Keys" looks="help">
      <header>
        <h2>Keys</h2>
        <button type="button" class="quiet icon-button" aria-label="Close" onClick={closeOverlay}>
          <Icon name="close" />
        </button>
      </header>
      <label class="switch">
        <input
          type="checkbox"
          checked={hasSingleKeys.value}
          onChange={(event) => setSingleKeys((event.target as HTMLInputElement).checked)}
        />
        <span>
          Single keys are commands
          <small>
            {hasSingleKeys.value
              ? "Switch this off if you dictate text, or press keys by accident."
              : "Off: only Ctrl-K and keys such as Enter, Esc and arrows are commands."}{" "}
            Remembered in this browser.
          </small>
        </span>
      </label>
      <div class={`help-groups ${hasSingleKeys.value ? "" : "off"}`}>
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {ACTIONS.filter((action) => action.group === group).map((action) => (
                <div key={action.name}>
                  <dt>
                    {action.keys.map((key) => (
                      <kbd key={key} class={isSingle(key) ? "single" : ""}>
                        {keyShown(key)}
                      </kbd>
                    ))}
                  </dt>
                  <dd>{action.about}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Mouse</h3>
          <dl>
            <div>
              <dt>Click a value</dt>
              <dd>Narrow everything to it</dd>
            </div>
            <div>
              <dt>Shift or Alt and click</dt>
              <dd>Exclude it</dd>
            </div>
            <div>
              <dt>Drag in a chart</dt>
              <dd>Zoom into that time</dd>
            </div>
            <div>
              <dt>Click a column</dt>
              <dd>Go to that time; tap twice on a phone</dd>
            </div>
            <div>
              <dt>Click a name of a legend</dt>
              <dd>Hide it in the chart, or show it again</dd>
            </div>
          </dl>
        </section>
      </div>
    </Dialog>
  );
}

/** The commands whose words begin with all that was typed. */
export function matching(actions: Action[], typed: string): Action[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return actions.filter((action) => {
    const own = `${action.about} ${action.name} ${action.group}`.toLowerCase().split(/[\s:;,-]+/);
    return words.every((word) => own.some((one) => one.startsWith(word)));
  });
}

function Palette() {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const all = useMemo(
    () => [...ACTIONS.filter((one) => one.name !== "commands"), ...moreCommands()],
    [],
  );
  const found = matching(all, typed);
  const list = useRef<HTMLUListElement>(null);
  const run = (action: Action | undefined) => {
    if (!action) return;
    closeOverlay();
    action.run();
  };
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [at]);
  return (
    <Dialog label="Commands" looks="palette">
      <div class="palette-field">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Command"
          aria-expanded="true"
          aria-controls={`${id}list`}
          aria-activedescendant={found.length ? `${id}${at}` : undefined}
          placeholder="Type a command"
          value={typed}
          autocomplete="off"
          spellcheck={false}
          autofocus
          onInput={(event) => {
            setTyped((event.target as HTMLInputElement).value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt((at + 1) % Math.max(1, found.length));
            else if (event.key === "ArrowUp")
              setAt((at - 1 + found.length) % Math.max(1, found.length));
            else if (event.key === "Enter") run(found[at]);
            else return;
            event.preventDefault();
          }}
        />
      </div>
      <ul id={`${id}list`} role="listbox" aria-label="Commands" ref={list}>
        {found.map((action, i) => (
          <li
            key={action.name}
            id={`${id}${i}`}
            role="option"
            aria-selected={i === at}
            onClick={() => run(action)}
            onMouseMove={() => setAt(i)}
          >
            <span>{action.about}</span>
            <span class="palette-keys">
              {action.keys
                .filter((key) => hasSingleKeys.value || !isSingle(key))
                .slice(0, 2)
                .map((key) => (
                  <kbd key={key}>{keyShown(key)}</kbd>
                ))}
            </span>
          </li>
        ))}
      </ul>
      {!found.length && <p class="empty">No such command.</p>}
    </Dialog>
  );
}

function GoToTime() {
  const now = newest.value || Date.now() / 1000;
  const [text, setText] = useState(
    link.value.until === null ? "" : fullTime(link.value.until, utc.value),
  );
  const [span, setSpan] = useState(formatRoundDuration(seconds.value));
  const field = useRef<HTMLInputElement>(null);
  // After the dialog has put the focus there: what is typed replaces it.
  useEffect(() => field.current?.select(), []);
  const times = parseTimes(text, now, utc.value);
  const time = times ? times[1] : parseTime(text, now, utc.value);
  const length = times ? times[1] - times[0] : parseSpan(span);
  const isFuture = time !== null && time > now;
  const problem =
    text.trim() &&
    (time === null
      ? "Write a time such as 14:05, yesterday 9:30, 2026-11-27 14:05 or 20m ago; or two, such as 14:05 to 14:20"
      : isFuture
        ? "That is in the future"
        : "");
  return (
    <Dialog label="Go to a time" looks="form">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (time === null || isFuture || length === null) return;
          closeOverlay();
          go({
            until: time >= Math.floor(now) ? null : time,
            window: length === seconds.value ? link.value.window : length,
            paused: false,
          });
        }}
      >
        <h2>Go to a time</h2>
        <label>
          <span>End of the span, or both ends ({zoneName(now, utc.value)})</span>
          <input
            type="text"
            ref={field}
            value={text}
            placeholder="14:05, yesterday 9:30, 14:05 to 14:20"
            autofocus
            autocomplete="off"
            onInput={(event) => setText((event.target as HTMLInputElement).value)}
            aria-describedby="time-problem"
          />
        </label>
        <label>
          <span>Window</span>
          <input
            type="text"
            value={times ? formatRoundDuration(times[1] - times[0]) : span}
            disabled={times !== null}
            autocomplete="off"
            onInput={(event) => setSpan((event.target as HTMLInputElement).value)}
          />
        </label>
        <p class={`form-note ${problem ? "bad" : ""}`} id="time-problem" role="status">
          {problem ||
            (length === null
              ? "Write a window such as 5m, 1h30m or 7d"
              : time !== null
                ? `${formatRoundDuration(length)} until ${clockNear(time, now, utc.value)}`
                : "Now, if this is empty")}
        </p>
        <div class="form-buttons">
          <button type="button" onClick={closeOverlay}>
            Cancel
          </button>
          <button
            type="submit"
            class="primary"
            disabled={time === null || isFuture || length === null}
          >
            Go
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const SILENCES = [900, 3600, 14_400, 86_400, 604_800];

function Silence({ rule, title }: { rule: string; title: string }) {
  const [length, setLength] = useState(3600);
  const [why, setWhy] = useState("");
  return (
    <Dialog label="Silence" looks="form">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          closeOverlay();
          void attempt(
            silence(rule, length, why),
            `${title} is silenced for ${formatRoundDuration(length)}`,
          );
        }}
      >
        <h2>Silence “{title}”</h2>
        <p class="dim">
          No notifications for new incidents of this rule. It still counts, and its incidents are
          still shown.
        </p>
        <fieldset>
          <legend>For</legend>
          {SILENCES.map((one) => (
            <label key={one} class="radio">
              <input
                type="radio"
                name="length"
                checked={one === length}
                autofocus={one === length}
                onChange={() => setLength(one)}
              />
              {formatRoundDuration(one)}
            </label>
          ))}
        </fieldset>
        <label>
          <span>Why (optional)</span>
          <input
            type="text"
            value={why}
            maxLength={200}
            placeholder="Maintenance"
            autocomplete="off"
            onInput={(event) => setWhy((event.target as HTMLInputElement).value)}
          />
        </label>
        <div class="form-buttons">
          <button type="button" onClick={closeOverlay}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Silence
          </button>
        </div>
      </form>
    </Dialog>
  );
}
