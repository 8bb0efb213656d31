// Answers have columns; people and tables have rows. Pure.

import type { Answer, Cell } from "./contract.ts";

export type Row = Record<string, Cell>;

/** Returns the rows of an answer. */
export function answerRows(answer: Answer | null): Row[] {
  if (!answer?.columns) return [];
  const names = Object.keys(answer.columns);
  const length = names.length ? (answer.columns[names[0] ?? ""]?.length ?? 0) : 0;
  const rows: Row[] = [];
  for (let i = 0; i < length; i += 1) {
    const row: Row = {};
    for (const name of names) row[name] = answer.columns[name]?.[i] ?? null;
    rows.push(row);
  }
  return rows;
}

export function numberIn(row: Record<string, Cell | undefined>, name: string): number | null {
  const value = row[name];
  return typeof value === "number" ? value : null;
}
