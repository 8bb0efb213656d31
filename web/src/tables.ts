// Which tables are on the screen, for keys: the current one is where the focus is, or was last.

export interface TableHandle {
  key: string;
  move: (rows: number) => void;
  toEnd: (end: "first" | "last") => void;
  open: () => void;
  exclude: () => void;
  sort: (columns: number) => void;
  reverse: () => void;
  find: () => void;
  copy: () => void;
  focus: () => void;
}

const handles = new Map<string, TableHandle>();
let lastKey = "";

export function addTable(handle: TableHandle): () => void {
  handles.set(handle.key, handle);
  return () => {
    if (handles.get(handle.key) === handle) handles.delete(handle.key);
  };
}

export function noteFocus(key: string): void {
  lastKey = key;
}

function keysOnScreen(): string[] {
  return [...document.querySelectorAll<HTMLElement>("[data-table]")]
    .map((node) => node.dataset.table ?? "")
    .filter((key) => handles.has(key));
}

export function currentTable(): TableHandle | null {
  const focused = document.activeElement?.closest<HTMLElement>("[data-table]")?.dataset.table;
  const keys = keysOnScreen();
  const key = [focused, lastKey, keys[0]].find((one) => one !== undefined && keys.includes(one));
  return key === undefined ? null : (handles.get(key) ?? null);
}

export function currentCard(): string | null {
  const card = document.activeElement?.closest<HTMLElement>("[data-card]")?.dataset.card;
  if (card) return card;
  const table = currentTable()?.key;
  const node = [...document.querySelectorAll<HTMLElement>("[data-table]")].find(
    (one) => one.dataset.table === table,
  );
  return node?.dataset.card ?? null;
}

/** Puts the focus into the next table, or the one before. */
export function focusTable(steps: number): void {
  const keys = keysOnScreen();
  if (!keys.length) return;
  const at = keys.indexOf(currentTable()?.key ?? "");
  const isInside = document.activeElement?.closest("[data-table]");
  const next = isInside ? (at + steps + keys.length) % keys.length : Math.max(0, at);
  handles.get(keys[next] ?? "")?.focus();
}
