// A small menu at a button: arrow keys move, Escape closes, a click elsewhere closes.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";

interface Props {
  /** The element that the menu belongs to. */
  anchor: HTMLElement;
  label: string;
  onClose: () => void;
  children: ComponentChildren;
  /** A form rather than a list of commands. */
  isDialog?: boolean;
}

export function Menu({ anchor, label, onClose, children, isDialog }: Props) {
  const node = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const menu = node.current;
    if (!menu) return;
    // In the top layer: nothing covers it, and no ancestor is what its position is relative to.
    menu.showPopover?.();
    const at = anchor.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(at.left, width - menu.offsetWidth - 8));
    const below = at.bottom + 4;
    const isAbove = below + menu.offsetHeight > innerHeight - 8 && at.top > menu.offsetHeight;
    menu.style.left = `${left}px`;
    menu.style.top = `${isAbove ? at.top - menu.offsetHeight - 4 : below}px`;
    const first = menu.querySelector<HTMLElement>(
      "[aria-checked=true], [data-first], input, button",
    );
    first?.focus({ preventScroll: true });
  }, [anchor]);

  useEffect(() => {
    const outside = (event: Event) => {
      const target = event.target as Node;
      if (!node.current?.contains(target) && !anchor.contains(target)) onClose();
    };
    const scrolled = (event: Event) => {
      if (!node.current?.contains(event.target as Node)) onClose();
    };
    addEventListener("pointerdown", outside, true);
    addEventListener("scroll", scrolled, true);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("scroll", scrolled, true);
    };
  }, [anchor, onClose]);

  const onKeyDown = (event: KeyboardEvent) => {
    const items = [
      ...(node.current?.querySelectorAll<HTMLElement>("button:not([disabled])") ?? []),
    ];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") {
      onClose();
      anchor.focus();
    } else if (event.key === "Tab" && !isDialog) {
      onClose();
      return;
    } else if (!isDialog && event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (!isDialog && event.key === "ArrowUp")
      items[(at - 1 + items.length) % items.length]?.focus();
    else {
      // Letters typed into a menu are not commands of the page.
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      class={`menu ${isDialog ? "menu-form" : ""}`}
      role={isDialog ? "dialog" : "menu"}
      aria-label={label}
      popover="manual"
      ref={node}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}
