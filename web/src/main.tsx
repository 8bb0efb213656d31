// Starts the page: the socket, the history of the browser, the keys, the title of the tab.

import "uplot/dist/uPlot.min.css";
import "./styles/index.css";

import { effect } from "@preact/signals";
import { render } from "preact";

import { addressOf, whyRefused } from "./api.ts";
import { sendAsksBy } from "./answers.ts";
import { App } from "./app.tsx";
import { listenForKeys } from "./keys.ts";
import { LiveConnection, type Socket } from "./live.ts";
import {
  connection,
  followHistory,
  hello,
  isUnreached,
  receive,
  snapshot,
  whyNotConnected,
} from "./store.ts";

const canInflate = typeof DecompressionStream === "function";

function socketAddress(): string {
  const address = new URL(addressOf(`api/v1/events${canInflate ? "?compress=deflate" : ""}`));
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

/** Without a greeting for so long the page says that it is not connected. */
const PATIENCE_MS = 3000;

const live = new LiveConnection({
  open: () => new WebSocket(socketAddress()) as unknown as Socket,
  onMessage: (message) => {
    if (message.type === "hello") connection.value = "open";
    receive(message);
  },
  onConnection: (state) => {
    // A connection that is open may still be one to a proxy that passes nothing on.
    if (state !== "open") connection.value = state;
  },
  onRefused: () => void findReason(),
  onRejected: (reason) => {
    whyNotConnected.value = `The server closed the connection: ${reason || "no reason given"}.`;
  },
});

let isAsking = false;

/** A socket does not say why it was refused: that is asked by HTTP. */
async function findReason(): Promise<void> {
  if (isAsking) return;
  isAsking = true;
  const reason = await whyRefused();
  isAsking = false;
  if (connection.value !== "open") whyNotConnected.value = reason;
}

sendAsksBy((asks) => live.ask(asks));
document.addEventListener("visibilitychange", () => live.pause(document.hidden));
addEventListener("online", () => live.retryNow());
addEventListener("pageshow", (event) => event.persisted && live.retryNow());
followHistory();
listenForKeys();

effect(() => {
  if (!snapshot.value && isUnreached.value) document.title = "Not connected – GlanceMetrics";
});

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
live.pause(document.hidden);
live.start();
setTimeout(() => {
  if (hello.value) return;
  isUnreached.value = true;
  if (!whyNotConnected.value) void findReason();
}, PATIENCE_MS);
