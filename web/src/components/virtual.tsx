// Long lists: only the rows on the screen are in the document; spacers stand for the others.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** From so many rows on, only those on the screen are in the document. */
export const MANY = 60;
/** Rows above and below the screen: what is scrolled by a wheel's click is there already. */
const MARGIN = 6;
/** Before anything is laid out. */
const FIRST = 30;
const USUAL_HEIGHT = 29;

export interface Range {
  from: number;
  until: number;
}

export interface VirtualRows extends Range {
  scroller: { current: HTMLDivElement | null };
  isMany: boolean;
  /** Whether the first rows are scrolled away. */
  isAway: () => boolean;
  /** Pixels of the rows before, and of those after. */
  above: number;
  below: number;
  onScroll: () => void;
  /** Makes sure that a row is in the document. */
  reach: (index: number) => void;
}

/** The rows to draw of a list that is scrolled so far. */
export function rangeAt(top: number, height: number, each: number): Range {
  return {
    from: Math.max(0, Math.floor(top / each) - MARGIN),
    until: Math.ceil((top + height) / each) + MARGIN,
  };
}

/** Whether other rows have to be drawn: not at each pixel that is scrolled. */
export function isOutgrown(drawn: Range, wanted: Range): boolean {
  const isShort = wanted.from + MARGIN / 2 < drawn.from || wanted.until - MARGIN / 2 > drawn.until;
  return isShort || drawn.until - drawn.from > wanted.until - wanted.from + 2 * MARGIN;
}

export function useVirtualRows(count: number): VirtualRows {
  const scroller = useRef<HTMLDivElement>(null);
  const each = useRef(USUAL_HEIGHT);
  const [range, setRange] = useState<Range>({ from: 0, until: FIRST });
  const isMany = count > MANY;
  const until = isMany ? Math.min(count, range.until) : count;
  const from = isMany ? Math.min(range.from, Math.max(0, until - MARGIN)) : 0;
  const high = isMany ? each.current : 0;

  const measure = () => {
    const node = scroller.current;
    if (!node || !isMany) return;
    each.current = rowHeight(node) || each.current;
    const wanted = rangeAt(node.scrollTop, node.clientHeight, each.current);
    if (isOutgrown(range, wanted)) setRange(wanted);
  };
  // Only where the list becomes long, and when its height changes: to measure lays the page out.
  const latest = useRef(measure);
  latest.current = measure;
  useLayoutEffect(() => {
    const node = scroller.current;
    if (!node || !isMany) return;
    latest.current();
    const observer = new ResizeObserver(() => latest.current());
    observer.observe(node);
    return () => observer.disconnect();
  }, [isMany]);

  return {
    scroller,
    isMany,
    isAway: () => isMany && (scroller.current?.scrollTop ?? 0) > each.current,
    from,
    until,
    above: from * high,
    below: Math.max(0, count - until) * high,
    onScroll: measure,
    reach: (index) => {
      if (!isMany || (index >= from && index < until)) return;
      const half = Math.ceil((range.until - range.from) / 2);
      setRange({ from: Math.max(0, index - half), until: index + half });
    },
  };
}

function rowHeight(node: HTMLElement): number {
  return node.querySelector<HTMLElement>("tbody tr.row")?.getBoundingClientRect().height ?? 0;
}

/** Stands for rows that are not in the document. */
export function Spacer({ height }: { height: number }) {
  return height > 0 ? (
    <tr aria-hidden="true" class="spacer" style={{ height: `${height}px` }}>
      <td />
    </tr>
  ) : null;
}
