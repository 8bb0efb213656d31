import { deflateRawSync } from "node:zlib";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Message } from "../src/contract.ts";
import {
  ASK_AGAIN,
  delayBefore,
  FIRST_DELAY,
  LiveConnection,
  LONGEST_DELAY,
  SILENCE,
  type Connection,
  type Socket,
} from "../src/live.ts";

class FakeSocket implements Socket {
  binaryType = "";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  sent: { type: string; asks?: object; paused?: boolean }[] = [];
  isClosed = false;
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.isClosed = true;
  }
}

function connected() {
  const sockets: FakeSocket[] = [];
  const messages: Message[] = [];
  const states: Connection[] = [];
  const refused = vi.fn();
  const rejected = vi.fn();
  const live = new LiveConnection({
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    onMessage: (message) => messages.push(message),
    onConnection: (state) => states.push(state),
    onRefused: refused,
    onRejected: rejected,
    random: () => 1,
    unpack: (data) => Promise.resolve(String(data)),
  });
  const last = () => sockets[sockets.length - 1] as FakeSocket;
  return { live, sockets, messages, states, last, refused, rejected };
}

const GONE = { code: 1006, reason: "" };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the delay before a new attempt", () => {
  it("doubles up to a limit, and is never less than half", () => {
    expect(delayBefore(0, () => 1)).toBe(FIRST_DELAY);
    expect(delayBefore(3, () => 1)).toBe(FIRST_DELAY * 8);
    expect(delayBefore(50, () => 1)).toBe(LONGEST_DELAY);
    expect(delayBefore(3, () => 0)).toBe(FIRST_DELAY * 4);
  });
});

describe("the connection", () => {
  it("asks again for everything after it was lost", () => {
    const { live, sockets, last, states } = connected();
    live.start();
    last().onopen?.({});
    live.ask({ one: { seconds: 60 } });
    last().onclose?.(GONE);
    expect(states[states.length - 1]).toBe("lost");
    vi.advanceTimersByTime(FIRST_DELAY);
    expect(sockets).toHaveLength(2);
    last().onopen?.({});
    expect(last().sent).toEqual([{ type: "asks", asks: { one: { seconds: 60 } } }]);
    expect(states[states.length - 1]).toBe("open");
  });

  it("waits longer after each failure", () => {
    const { live, sockets, last } = connected();
    live.start();
    for (const wait of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      const before = sockets.length;
      last().onclose?.(GONE);
      vi.advanceTimersByTime(wait - 1);
      expect(sockets).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(sockets).toHaveLength(before + 1);
    }
  });

  it("waits only shortly after a connection that had lasted", () => {
    const { live, sockets, last } = connected();
    live.start();
    for (let i = 0; i < 5; i += 1) {
      last().onclose?.(GONE);
      vi.advanceTimersByTime(LONGEST_DELAY);
    }
    last().onopen?.({});
    vi.advanceTimersByTime(6000);
    const before = sockets.length;
    last().onclose?.(GONE);
    vi.advanceTimersByTime(FIRST_DELAY);
    expect(sockets).toHaveLength(before + 1);
  });

  it("is given up where nothing comes any more", () => {
    const { live, sockets, last, states } = connected();
    live.start();
    last().onopen?.({});
    const first = last();
    vi.advanceTimersByTime(SILENCE);
    expect(first.isClosed).toBe(true);
    expect(states[states.length - 1]).toBe("lost");
    vi.advanceTimersByTime(FIRST_DELAY);
    expect(sockets).toHaveLength(2);
  });

  it("is not given up while it is paused: a hidden page hears nothing", () => {
    const { live, sockets, last } = connected();
    live.start();
    last().onopen?.({});
    live.pause(true);
    vi.advanceTimersByTime(10 * SILENCE);
    expect(sockets).toHaveLength(1);
    live.pause(false);
    expect(last().sent.map((one) => one.paused)).toEqual([true, false]);
  });

  it("says again that it is paused after it was lost", () => {
    const { live, last } = connected();
    live.start();
    last().onopen?.({});
    live.pause(true);
    last().onclose?.(GONE);
    vi.advanceTimersByTime(FIRST_DELAY);
    last().onopen?.({});
    expect(last().sent).toEqual([{ type: "pause", paused: true }]);
  });

  it("reports a refusal, since the session may have ended", () => {
    const { live, last, refused } = connected();
    live.start();
    last().onclose?.(GONE);
    expect(refused).toHaveBeenCalledOnce();
  });

  it("takes messages in order and survives a broken one", async () => {
    const { live, last, messages } = connected();
    const quiet = vi.spyOn(console, "warn").mockImplementation(() => {});
    live.start();
    last().onopen?.({});
    for (const data of ['{"type":"gone","why":"1"}', "{broken", '{"type":"gone","why":"2"}'])
      last().onmessage?.({ data });
    await vi.advanceTimersByTimeAsync(10);
    expect(messages).toEqual([
      { type: "gone", why: "1" },
      { type: "gone", why: "2" },
    ]);
    quiet.mockRestore();
  });

  it("ignores what an old socket still says", async () => {
    const { live, last, messages } = connected();
    live.start();
    last().onopen?.({});
    const old = last();
    old.onclose?.(GONE);
    vi.advanceTimersByTime(FIRST_DELAY);
    old.onmessage?.({ data: '{"type":"gone","why":"old"}' });
    await vi.advanceTimersByTimeAsync(10);
    expect(messages).toEqual([]);
  });

  it("waits for three intervals of a server that sends rarely", async () => {
    const { live, sockets, last } = connected();
    live.start();
    last().onopen?.({});
    last().onmessage?.({ data: '{"type":"hello","refresh":120}' });
    await vi.advanceTimersByTimeAsync(350_000);
    expect(sockets[0]?.isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sockets[0]?.isClosed).toBe(true);
  });

  it.each([1007, 1008])("is not made again at once after %i", (code) => {
    const { live, sockets, last, rejected } = connected();
    live.start();
    last().onopen?.({});
    vi.advanceTimersByTime(6000);
    last().onclose?.({ code, reason: "too many messages" });
    expect(rejected).toHaveBeenCalledWith("too many messages");
    vi.advanceTimersByTime(LONGEST_DELAY / 2 - 1);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(LONGEST_DELAY);
    expect(sockets).toHaveLength(2);
  });

  it("asks again for what the server had no room for", async () => {
    const { live, last } = connected();
    live.start();
    last().onopen?.({});
    const asks = { figures: { seconds: 60 } };
    live.ask(asks as never);
    const refused = { type: "answer", id: "figures", error: "too many new questions; try again" };
    last().onmessage?.({ data: JSON.stringify(refused) });
    last().onmessage?.({ data: JSON.stringify({ ...refused, error: "unknown field" }) });
    await vi.advanceTimersByTimeAsync(ASK_AGAIN - 1);
    expect(last().sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(last().sent).toEqual([
      { type: "asks", asks },
      { type: "asks", asks },
    ]);
    await vi.advanceTimersByTimeAsync(2 * ASK_AGAIN);
    expect(last().sent).toHaveLength(2);
  });

  it("stops for good on request", () => {
    const { live, sockets, last } = connected();
    live.start();
    last().onopen?.({});
    live.stop();
    vi.advanceTimersByTime(100_000);
    expect(sockets).toHaveLength(1);
  });
});

describe("compressed messages", () => {
  it("are raw deflate", async () => {
    vi.useRealTimers();
    const found: Message[] = [];
    const socket = new FakeSocket();
    const live = new LiveConnection({
      open: () => socket,
      onMessage: (message) => found.push(message),
      onConnection: () => {},
    });
    live.start();
    socket.onopen?.({});
    const packed = deflateRawSync('{"type":"gone","why":"é"}');
    const { DecompressionStream: Inflate } = await import("node:stream/web");
    vi.stubGlobal("DecompressionStream", Inflate);
    vi.stubGlobal("Blob", (await import("node:buffer")).Blob);
    vi.stubGlobal(
      "Response",
      class {
        constructor(private readonly stream: ReadableStream) {}
        async text() {
          let all = "";
          const decoder = new TextDecoder();
          for await (const part of this.stream as unknown as AsyncIterable<Uint8Array>)
            all += decoder.decode(part, { stream: true });
          return all;
        }
      },
    );
    socket.onmessage?.({ data: packed });
    await vi.waitFor(() => expect(found).toEqual([{ type: "gone", why: "é" }]));
    vi.unstubAllGlobals();
    live.stop();
  });
});
