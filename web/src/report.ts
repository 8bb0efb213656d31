// The HTML report of what is shown, to pass on: the server writes it, the browser keeps it.

import { fileAt } from "./api.ts";
import { reportLink, scopeOf } from "./asks.ts";
import { link, newest, seconds, tell } from "./store.ts";

let isRunning = false;

export async function saveReport(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  tell("Writing the report…");
  try {
    const file = await fileAt(reportLink(scopeOf(link.value, seconds.value), newest.value));
    const address = URL.createObjectURL(file);
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = `glancemetrics-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.html`;
    anchor.click();
    // Not at once: some browsers read it only after the click.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    tell("The report is saved");
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error), true);
  } finally {
    isRunning = false;
  }
}
