// Long lists: only the rows on the screen are in the document; spacers stand for the others.

import { useRef, useState } from "preact/hooks";

/** From so many rows on, only those on the screen are in the document. */
export const MANY = 80;
const MARGIN = 12;

export interface VirtualRows {
  scroller: { current: HTMLDivElement | null };
  isMany: boolean;
  from: number;
  until: number;
  /** Pixels of the rows before, and of those after. */
  above: number;
  below: number;
  onScroll: () => void;
  /** Makes sure that a row is in the document. */
  reach: (index: number) => void;
}

export function useVirtualRows(count: number): VirtualRows {
  const scroller = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ from: 0, until: MANY });
  const isMany = count > MANY;
  const from = isMany ? Math.min(range.from, Math.max(0, count - MARGIN)) : 0;
  const until = isMany ? Math.min(count, Math.max(range.until, from + MARGIN)) : count;
  const high = isMany ? rowHeight(scroller.current) : 0;
  return {
    scroller,
    isMany,
    from,
    until,
    above: from * high,
    below: Math.max(0, count - until) * high,
    onScroll: () => {
      const node = scroller.current;
      if (!node || !isMany) return;
      const each = rowHeight(node);
      const first = Math.max(0, Math.floor(node.scrollTop / each) - MARGIN);
      const last = Math.ceil((node.scrollTop + node.clientHeight) / each) + MARGIN;
      if (Math.abs(first - range.from) > MARGIN / 2 || last > range.until)
        setRange({ from: first, until: last });
    },
    reach: (index) => {
      if (isMany && (index < from || index >= until)) {
        setRange({ from: Math.max(0, index - MANY / 2), until: index + MANY / 2 });
      }
    },
  };
}

function rowHeight(node: HTMLElement | null): number {
  return node?.querySelector<HTMLElement>("tbody tr.row")?.offsetHeight || 30;
}

/** Stands for rows that are not in the document. */
export function Spacer({ height }: { height: number }) {
  return height > 0 ? (
    <tr aria-hidden="true" class="spacer" style={{ height: `${height}px` }}>
      <td />
    </tr>
  ) : null;
}
