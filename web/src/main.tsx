// Starts the page: the socket, the history of the browser, the keys, the title of the tab.

import "uplot/dist/uPlot.min.css";
import "./styles/index.css";

import { effect } from "@preact/signals";
import { render } from "preact";

import { addressOf } from "./api.ts";
import { sendAsksBy } from "./answers.ts";
import { App } from "./app.tsx";
import { formatRate } from "./format.ts";
import { worstText } from "./incidents.ts";
import { listenForKeys } from "./keys.ts";
import { LiveConnection, type Socket } from "./live.ts";
import { connection, followHistory, isStale, receive, snapshot } from "./store.ts";

const canInflate = typeof DecompressionStream === "function";

function socketAddress(): string {
  const address = new URL(addressOf(`api/v1/events${canInflate ? "?compress=deflate" : ""}`));
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

const live = new LiveConnection({
  open: () => new WebSocket(socketAddress()) as unknown as Socket,
  onMessage: receive,
  onConnection: (state) => (connection.value = state),
  onRefused: () => void checkSession(),
});

/** A socket does not say why it was refused: a session that has ended is asked about by HTTP. */
async function checkSession(): Promise<void> {
  try {
    const response = await fetch(addressOf("api/v1/health"), { credentials: "same-origin" });
    if (response.status === 401) location.assign(addressOf("login"));
  } catch {
    // No server at all: the page keeps trying.
  }
}

sendAsksBy((asks) => live.ask(asks));
document.addEventListener("visibilitychange", () => live.pause(document.hidden));
addEventListener("online", () => live.retryNow());
addEventListener("pageshow", (event) => event.persisted && live.retryNow());
followHistory();
listenForKeys();

effect(() => {
  const known = snapshot.value;
  if (!known) return;
  const worst = worstText(known.alerts.firing);
  const state = isStale.value ? "○ no connection · " : worst ? `● ${worst} · ` : "";
  document.title = `${state}${formatRate(known.hit_rate)} req/s – GlanceMetrics`;
});

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
live.pause(document.hidden);
live.start();
