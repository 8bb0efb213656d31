// How much a number has changed, with an arrow: not by color alone.

import type { Change } from "../format.ts";
import { Icon } from "./icons.tsx";

interface Props {
  change: Change | null;
  title?: string;
  /** Whether more of it is bad, as of errors. */
  isBadWhenMore?: boolean;
}

export function Delta({ change, title, isBadWhenMore = false }: Props) {
  if (!change) return <span class="delta nothing">–</span>;
  const isArrow = change.direction === "up" || change.direction === "down";
  const isBad = isBadWhenMore && change.direction === "up" && change.isBig;
  return (
    <span class={`delta ${change.isBig ? "big" : ""} ${isBad ? "worse" : ""}`} title={title}>
      {isArrow && <Icon name={change.direction === "up" ? "up" : "down"} />}
      {isArrow && (
        <span class="visually-hidden">{change.direction === "up" ? "up by" : "down by"}</span>
      )}
      {change.direction === "same" ? "no change" : change.text}
    </span>
  );
}
