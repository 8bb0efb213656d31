// The filter box: completes fields and values; the chips of what everything is narrowed to.

import { useEffect, useId, useRef, useState } from "preact/hooks";

import { ApiError, conditionFor, valuesOf, type KnownValue } from "../api.ts";
import { conditionOf } from "../asks.ts";
import type { Filter } from "../contract.ts";
import {
  asProblem,
  corrected,
  EXAMPLES,
  filterIn,
  filterProblem,
  pairText,
  typedIn,
} from "../filter_words.ts";
import { shortCount } from "../format.ts";
import { filterText } from "../link.ts";
import { add, remove } from "../narrowing.ts";
import { filterError, go, hello, link, seconds } from "../store.ts";
import { writtenSpan } from "../spans.ts";
import { visible } from "../text.ts";
import { Icon } from "./icons.tsx";
import { Text } from "./text.tsx";

interface Choice {
  key: string;
  label: string;
  note: string;
  /** The text of the box when chosen; a complete filter is added at once. */
  text: string;
  filter: Filter | null;
}

const MOST_CHOICES = 10;
const PAUSE_MS = 120;

export function FilterBox() {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [values, setValues] = useState<KnownValue[]>([]);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const dimensions = hello.value?.dimensions ?? [];
  const fields = dimensions.map((one) => one.name);
  const typed = typedIn(text, fields);

  useEffect(() => {
    setValues([]);
    if (!isOpen || typed.kind !== "value") return;
    let isWanted = true;
    const timer = setTimeout(() => {
      valuesOf(typed.field, typed.prefix, writtenSpan(Math.max(3600, seconds.value)))
        .then((found) => isWanted && setValues(found.slice(0, MOST_CHOICES)))
        .catch(() => {}); // Without completion one can still type.
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [isOpen, typed.kind, typed.field, typed.prefix]);

  const before = text.slice(0, typed.start);
  const choices: Choice[] =
    typed.kind === "value"
      ? values.map(({ value, hits }) => {
          const isOnly = before.trim() === "" || before.trim() === "-";
          const isNot = typed.operator === "!=" || before.trim() === "-";
          const whole = pairText(typed.field, typed.operator, value);
          const filter: Filter = isNot
            ? { field: typed.field, value, not: true }
            : { field: typed.field, value };
          return {
            key: value,
            label: value,
            note: shortCount(hits),
            text: before + whole,
            filter: isOnly ? filter : null,
          };
        })
      : dimensions
          .filter(
            (one) => one.name.startsWith(typed.prefix.toLowerCase()) && (typed.prefix || !text),
          )
          .slice(0, text ? MOST_CHOICES : 30)
          .map((one) => ({
            key: one.name,
            label: one.name,
            note: one.title,
            text: `${before}${one.name} = `,
            filter: null,
          }));

  const choose = (choice: Choice) => {
    setProblem("");
    setAt(-1);
    if (choice.filter) {
      add(choice.filter);
      setText("");
      setOpen(false);
    } else {
      setText(choice.text);
    }
    input.current?.focus();
  };

  const submit = async () => {
    const wanted = text.trim();
    if (!wanted) return;
    const plain = filterIn(wanted, fields);
    try {
      // The server knows which values a field can have: a status is a number.
      const found = await conditionFor(plain ? conditionOf([plain]) : wanted);
      if (found.problem || !found.where) {
        setProblem(found.problem || "Not a valid filter.");
        return;
      }
      add(plain ?? { where: found.where, label: wanted });
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : "The request failed.");
      return;
    }
    setText("");
    setProblem("");
    setOpen(false);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!choices.length) return;
      const by = event.key === "ArrowDown" ? 1 : -1;
      setOpen(true);
      setAt((at + by + choices.length + (at < 0 && by < 0 ? 1 : 0)) % choices.length);
    } else if (event.key === "Enter") {
      const choice = isOpen ? choices[at] : undefined;
      if (choice) choose(choice);
      else void submit();
    } else if (event.key === "Tab" && isOpen && at >= 0 && choices[at]) {
      choose(choices[at]);
    } else if (event.key === "Escape") {
      if (isOpen && choices.length) setOpen(false);
      else {
        setText("");
        setProblem("");
        input.current?.blur();
      }
    } else if (event.key === "Backspace" && !text && link.value.filters.length) {
      go({ filters: link.value.filters.slice(0, -1) });
    } else return;
    event.preventDefault();
  };

  const { filters } = link.value;
  const wrong = problem || (filters.length ? filterProblem(filterError.value, filters) : "");
  const fixed = problem ? corrected(text, problem) : null;
  const retry = (next: string) => {
    setText(next);
    setProblem("");
    input.current?.focus();
  };
  const isListed = isOpen && choices.length > 0;
  return (
    <div class="filter-box">
      <div class={`filter-field ${wrong ? "invalid" : ""}`}>
        <Icon name="filter" />
        <Chips />
        <input
          id="filter"
          ref={input}
          type="text"
          role="combobox"
          value={text}
          placeholder={
            link.value.filters.length ? "Add a filter" : "Filter: 5xx /api, host = 10.0.0.1"
          }
          aria-label="Filter requests"
          aria-expanded={isListed}
          aria-controls={`${id}list`}
          aria-autocomplete="list"
          aria-activedescendant={isListed && at >= 0 ? `${id}${at}` : undefined}
          aria-describedby={wrong ? `${id}problem` : undefined}
          aria-invalid={wrong !== ""}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          onInput={(event) => {
            setText((event.target as HTMLInputElement).value);
            setProblem("");
            setAt(-1);
            setOpen(true);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setTimeout(() => setOpen(false), 150)}
          onKeyDown={onKeyDown}
        />
        <kbd>f</kbd>
      </div>
      {wrong && (
        <div class="problem">
          <p id={`${id}problem`} role="alert">
            <Text value={asProblem(wrong)} />
          </p>
          {!problem && (
            <button type="button" onClick={() => go({ filters: [] })}>
              {filters.length > 1 ? "Remove all filters" : "Remove the filter"}
            </button>
          )}
          {fixed !== null ? (
            <button type="button" onClick={() => retry(fixed)}>
              Try <Text value={fixed} />
            </button>
          ) : (
            EXAMPLES.map((one) => (
              <button
                type="button"
                key={one}
                onClick={() => retry(one)}
                title="Put it into the field"
              >
                {one}
              </button>
            ))
          )}
        </div>
      )}
      <ul
        class="choices"
        id={`${id}list`}
        role="listbox"
        aria-label={typed.kind === "value" ? `Values of ${typed.field}` : "Fields"}
        hidden={!isListed}
      >
        {choices.map((choice, i) => (
          <li
            key={choice.key}
            id={`${id}${i}`}
            role="option"
            aria-selected={i === at}
            onMouseDown={(event) => {
              event.preventDefault();
              choose(choice);
            }}
          >
            <Text value={choice.label} />
            <span class="choice-note">{choice.note}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Chips() {
  const { filters } = link.value;
  return (
    <>
      {filters.map((filter) => (
        <span
          class={`chip ${"not" in filter && filter.not ? "negated" : ""}`}
          key={JSON.stringify(filter)}
        >
          <ChipText filter={filter} />
          <button
            type="button"
            aria-label={`Remove the filter ${visible(filterText(filter))}`}
            title="Remove"
            onClick={() => remove(filter)}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
    </>
  );
}

function ChipText({ filter }: { filter: Filter }) {
  if ("where" in filter) {
    return (
      <span class="chip-text" title={visible(filter.where)}>
        <Text value={filter.label ?? filter.where} />
      </span>
    );
  }
  return (
    <span class="chip-text" title={visible(filterText(filter))}>
      <span class="chip-field">
        {filter.field} {filter.not ? "≠" : "="}
      </span>{" "}
      <Text value={filter.value} isUrl />
    </span>
  );
}

export function focusFilter(): void {
  document.getElementById("filter")?.focus();
}
