// Shows text from a log. The only component that does: escapes are in a color of their own.

import { pieces, readable, valueText } from "../text.ts";

interface Props {
  value: unknown;
  /** Also decode percent-encoded letters of all languages. */
  isUrl?: boolean;
}

export function Text({ value, isUrl = false }: Props) {
  const text = valueText(value);
  if (text === "") return <span class="nothing">(empty)</span>;
  const parts = pieces(isUrl ? readable(text) : text);
  const first = parts[0];
  if (parts.length === 1 && first && !first.escaped)
    return <span class="logged">{first.text}</span>;
  return (
    <span class="logged">
      {parts.map((part, i) =>
        part.escaped ? (
          <span class="escaped" key={i}>
            {part.text}
          </span>
        ) : (
          part.text
        ),
      )}
    </span>
  );
}
