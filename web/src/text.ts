// Makes text from a log safe to look at: every byte of a log is hostile.
//
// Preact puts strings in text nodes, so no markup can get in. What is left are characters that
// nobody sees or that move others: controls, bidirectional overrides, zero-width characters, lone
// surrogates, stacks of combining marks. They are written as escapes, in a color of their own.

export interface Piece {
  text: string;
  /** Whether the text is the escape of a character that cannot be shown. */
  escaped: boolean;
}

/** Marks on one letter that are shown; a higher stack covers other lines. */
const MOST_MARKS = 3;
/** Longer values are cut: a 1 MB user agent is no use to anybody. */
const LONGEST = 4000;

const PLAIN = /^[\x20-\x7e]*$/;
// No glyph of their own. Unassigned characters are shown: a newer browser may know them.
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufff9-\uffff]|[\u{e0100}-\u{e01ef}]/u;
const MARK = /\p{M}/u;
const SPACE = /\p{Zs}/u;
const ENCODED = /(?:%[89A-Fa-f][0-9A-Fa-f])+/g;

/** Returns the escape of a character: `\x1b`, `\u202e`, `\U000e0041`. */
export function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Splits text into what is shown as it is and escapes of what cannot be shown. */
export function pieces(text: string): Piece[] {
  if (PLAIN.test(text)) return text ? [{ text, escaped: false }] : [];
  const found: Piece[] = [];
  let marks = 0;
  let hasBase = false;
  const add = (part: string, escaped: boolean) => {
    const last = found[found.length - 1];
    if (last && last.escaped === escaped) last.text += part;
    else found.push({ text: part, escaped });
  };
  for (const character of text) {
    if (INVISIBLE.test(character)) {
      hasBase = false;
      add(escapeOf(character), true);
    } else if (MARK.test(character)) {
      marks += 1;
      if (hasBase && marks <= MOST_MARKS) add(character, false);
      else add(escapeOf(character), true);
    } else {
      marks = 0;
      hasBase = true;
      add(SPACE.test(character) ? " " : character, false);
    }
  }
  return found;
}

/** Returns text with escapes for what cannot be shown: for attributes and the title of the tab. */
export function visible(text: string): string {
  return pieces(text)
    .map((piece) => piece.text)
    .join("");
}

/** Decodes percent-encoded letters of all languages; encoded ASCII stays: `%2F` is not a slash. */
export function readable(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(ENCODED, (encoded) => {
    const bytes = Uint8Array.from(encoded.split("%").slice(1), (pair) => parseInt(pair, 16));
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return encoded;
    }
  });
}

/** Returns a value of a log as a string, not too long; the shape of what JSON has is never trusted. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "–";
  const text =
    typeof value === "string"
      ? value
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
