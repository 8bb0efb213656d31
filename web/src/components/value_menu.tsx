// What can be done with a value in a table: narrow to it, exclude it, copy it.

import { signal } from "@preact/signals";

import { go } from "../store.ts";
import { copyText, exclude, narrowTo } from "../narrowing.ts";
import { withFilter } from "../link.ts";
import { link } from "../store.ts";
import { visible } from "../text.ts";
import { Icon } from "./icons.tsx";
import { Menu } from "./menu.tsx";

interface Open {
  anchor: HTMLElement;
  field: string;
  value: string;
}

const open = signal<Open | null>(null);

export function openValueMenu(anchor: HTMLElement, field: string, value: string): void {
  open.value = open.value?.anchor === anchor ? null : { anchor, field, value };
}

export function ValueMenu() {
  const shown = open.value;
  if (!shown) return null;
  const { anchor, field, value } = shown;
  const close = () => {
    open.value = null;
  };
  const doing = (what: () => void) => () => {
    close();
    anchor.focus();
    what();
  };
  return (
    <Menu anchor={anchor} label={`${field} ${visible(value)}`} onClose={close}>
      <button type="button" role="menuitem" onClick={doing(() => narrowTo(field, value))}>
        <Icon name="filter" /> Only this {field}
      </button>
      <button type="button" role="menuitem" onClick={doing(() => exclude(field, value))}>
        <Icon name="exclude" /> Exclude this {field}
      </button>
      <button
        type="button"
        role="menuitem"
        onClick={doing(() => {
          go({
            filters: withFilter(link.value, { field, value }).filters,
            view: "requests",
            zoom: null,
          });
        })}
      >
        <Icon name="requests" /> Show its requests
      </button>
      <button type="button" role="menuitem" onClick={doing(() => void copyText(value))}>
        <Icon name="copy" /> Copy value
      </button>
    </Menu>
  );
}
