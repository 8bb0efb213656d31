// The strip "What stands out": shown only where something does.

import { useAsk, useTogether, type Asked } from "../hooks.ts";
import type { PageData } from "../page_data.ts";
import { withFilter } from "../link.ts";
import { go, link } from "../store.ts";
import { changes, mostErrors, questionsFor, type Finding, type Question } from "../stands_out.ts";
import { Icon } from "./icons.tsx";
import { Text } from "./text.tsx";

const MOST = 4;
const MOST_QUESTIONS = 7;

export function StandsOut({ data }: { data: PageData }) {
  const { scope, shift, total, before, beforeText } = data;
  const questions = questionsFor(scope, total.isOld ? null : total.answer);
  // Hooks are called in the same number each time.
  const answers: (Asked & { question: Question | null })[] = [
    { ...total, question: null },
    { ...before, question: null },
  ];
  for (let i = 0; i < MOST_QUESTIONS; i += 1) {
    const question = questions[i] ?? null;
    const asked = useAsk(question?.ask ?? null, 6);
    if (question) answers.push({ ...asked, question });
  }
  const shown = useTogether(answers, JSON.stringify([scope, shift]));
  const findings = shown ? findingsIn(shown, beforeText) : [];
  if (!findings.length) return null;
  return (
    <section class="stands-out" aria-label="What stands out">
      <h2>
        <Icon name="spark" /> What stands out
      </h2>
      <ul>
        {findings.map((finding) => (
          <li key={finding.key} class={finding.severity}>
            {finding.filters.length && !link.value.kiosk ? (
              <button
                type="button"
                onClick={() => narrow(finding)}
                title="Narrow everything to these requests"
              >
                <Sentence finding={finding} />
              </button>
            ) : (
              <Sentence finding={finding} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function findingsIn(
  [total, before, ...others]: (Asked & { question: Question | null })[],
  beforeText: string,
): Finding[] {
  const found = others.map(({ question, answer }) => question && mostErrors(question, answer));
  return [...changes(total?.answer ?? null, before?.answer ?? null, beforeText), ...found]
    .filter((one) => one !== null)
    .slice(0, MOST);
}

function Sentence({ finding }: { finding: Finding }) {
  return (
    <>
      <i class="dot" aria-hidden="true" />
      <span>
        {finding.before}
        {finding.value !== null && (
          <b>
            <Text value={finding.value} isUrl />
          </b>
        )}
        {finding.after}
      </span>
    </>
  );
}

function narrow(finding: Finding): void {
  let next = link.value;
  for (const filter of finding.filters) next = withFilter(next, filter);
  go({ filters: next.filters });
}
