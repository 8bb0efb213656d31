// A server that speaks the contract with simulated data, to look at the page without a monitor:
// `node dev/fake-server.mjs DIRECTORY [--port N] [--no-times] [--past] [--viewer]`.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { deflateRawSync } from "node:zlib";

import { WebSocketServer } from "ws";

import { answer } from "./answers.mjs";
import {
  acknowledged,
  advance,
  all,
  begin,
  hello,
  REFRESH,
  silences,
  snapshot,
} from "./monitor.mjs";

const directory = process.argv[2] ?? ".";
const has = (flag) => process.argv.includes(flag);
const port = has("--port") ? Number(process.argv[process.argv.indexOf("--port") + 1]) : 8099;

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".json": "application/json",
};
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

function filterOf(text) {
  const parts = text
    .split(/\s+/)
    .map((word) =>
      /^5xx$/i.test(word)
        ? "(status BETWEEN 500 AND 599)"
        : /^4xx$/i.test(word)
          ? "(status BETWEEN 400 AND 499)"
          : word === "errors"
            ? "(status >= 400)"
            : word === "slow"
              ? "(duration > 1)"
              : word === "bots"
                ? "(bot IS NOT NULL)"
                : word.startsWith("/")
                  ? `(path LIKE '%${word}%')`
                  : null,
    );
  return parts.includes(null)
    ? {
        where: "",
        problem: `unknown word ${JSON.stringify(text)}; try 5xx, /path, host = 10.0.0.1`,
      }
    : { where: parts.join(" AND "), problem: "" };
}

async function api(path, query, request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  const sent = body ? JSON.parse(body) : {};
  if (path === "filter") return filterOf(query.get("text") ?? "");
  if (path === "values") {
    const field = query.get("field");
    const found = answer(
      "",
      { seconds: 1800, by: [field], limit: 1000 },
      all,
      begin,
      Math.floor(Date.now() / 1000),
    );
    return {
      values: found.columns[field]
        .map((value, i) => ({ value, hits: found.columns.hits[i] }))
        .filter((one) => one.value?.startsWith(query.get("prefix") ?? ""))
        .slice(0, 20),
    };
  }
  if (path === "acknowledgements") {
    if (request.method === "PUT") acknowledged.set(sent.incident, Date.now() / 1000);
    else acknowledged.delete(query.get("incident"));
    return {};
  }
  if (path === "silences") {
    if (request.method === "POST")
      silences.set(sent.pattern, { until: Date.now() / 1000 + sent.seconds, why: sent.why });
    else silences.delete(query.get("pattern"));
    return {};
  }
  if (path === "raw-line")
    return {
      line: `${sent.record.host} - - [27/Nov/2026:16:20:01 +0000] "${sent.record.method} ${sent.record.path} HTTP/1.1" ${sent.record.status} ${sent.record.bytes}`,
      missing: "",
    };
  return {};
}

const http = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/api/v1/events") {
    response.writeHead(405).end();
    return;
  }
  if (url.pathname.startsWith("/api/v1/")) {
    const found = await api(url.pathname.slice(8), url.searchParams, request);
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(found));
    return;
  }
  const name =
    url.pathname === "/" ? "index.html" : normalize(url.pathname).replace(/^(\.\.[/\\])+/, "");
  try {
    const contents = readFileSync(join(directory, name));
    response
      .writeHead(200, {
        "Content-Type": TYPES[extname(name)] ?? "application/octet-stream",
        "Content-Security-Policy": CSP,
      })
      .end(contents);
  } catch {
    response.writeHead(404).end("not found");
  }
});

const sockets = new WebSocketServer({ server: http });
sockets.on("connection", (socket) => {
  let asks = {};
  let paused = false;
  const last = new Map();
  const send = (message) => socket.send(deflateRawSync(JSON.stringify(message)));
  const answerAll = () => {
    const now = Math.floor(Date.now() / 1000);
    for (const [id, ask] of Object.entries(asks)) {
      const found = answer(id, ask, all, begin, now);
      const text = JSON.stringify(found);
      if (last.get(id) === text) continue;
      last.set(id, text);
      send(found);
    }
  };
  send(hello());
  send(snapshot());
  const timer = setInterval(() => {
    if (paused) return;
    send(snapshot());
    answerAll();
  }, REFRESH * 1000);
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "asks") {
      if (Object.keys(message.asks).length > 24) throw new Error("more than 24 asks");
      const fresh = Object.keys(message.asks).some((id) => !(id in asks));
      asks = message.asks;
      for (const id of last.keys()) if (!(id in asks)) last.delete(id);
      if (fresh) setTimeout(answerAll, 30);
    }
    if (message.type === "pause") paused = message.paused;
  });
  socket.on("close", () => clearInterval(timer));
});

setInterval(advance, 500);

http.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
