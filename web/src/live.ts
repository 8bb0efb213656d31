// The one WebSocket of the page: it connects, unpacks messages in order, notices when nothing comes
// any more, and connects again, later and later, with jitter. It knows no signals and no screen.

import type { Ask, Message } from "./contract.ts";

export type Connection = "connecting" | "open" | "lost";

export interface Socket {
  binaryType: string;
  onopen: ((event: unknown) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Options {
  open: () => Socket;
  onMessage: (message: Message) => void;
  onConnection: (state: Connection) => void;
  /** Called when the server turned the page away: the session may have ended. */
  onRefused?: () => void;
  /** Called when the server ended the connection because of something that this page did. */
  onRejected?: (reason: string) => void;
  unpack?: (data: unknown) => Promise<string>;
  random?: () => number;
}

export const FIRST_DELAY = 500;
export const LONGEST_DELAY = 30_000;
/** Without any message for so long the connection is taken for dead: TCP may take many minutes. */
export const SILENCE = 30_000;
/** A server that sends rarely is not dead: so many of its intervals may pass. */
const MISSED = 3;
export const ASK_AGAIN = 10_000;
/** Close codes of a server that does not accept what this page sends. */
const REJECTED = [1007, 1008];
const ATTEMPTS_TO_LONGEST = 6;
/** After so long a connection was a good one, and the next delay is short again. */
const STEADY = 5000;

/** Returns how long to wait before a new attempt: doubled each time, with jitter, in ms. */
export function delayBefore(attempt: number, random: () => number): number {
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 16));
  // At least half: a thousand pages must not come back at once, nor hammer the server.
  return longest * (0.5 + 0.5 * random());
}

export class LiveConnection {
  private socket: Socket | null = null;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setTimeout> | undefined;
  private steady: ReturnType<typeof setTimeout> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private asks: Record<string, Ask> = {};
  private paused = false;
  private stopped = false;
  private wasOpen = false;
  private silence = SILENCE;
  /** Messages are unpacked one after the other: their order matters. */
  private unpacking: Promise<void> = Promise.resolve();

  constructor(private readonly options: Options) {}

  start(): void {
    this.stopped = false;
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.forget();
  }

  /** Replaces the set of questions that are kept fresh. */
  ask(asks: Record<string, Ask>): void {
    this.asks = asks;
    this.sendIfOpen({ type: "asks", asks });
  }

  pause(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    this.sendIfOpen({ type: "pause", paused });
    this.listen();
  }

  /** Connects at once: the network is back, or a person asked for it. */
  retryNow(): void {
    if (this.socket || this.stopped) return;
    this.attempt = 0;
    clearTimeout(this.retry);
    this.connect();
  }

  private connect(): void {
    this.options.onConnection(this.wasOpen ? "lost" : "connecting");
    let socket: Socket;
    try {
      socket = this.options.open();
    } catch {
      this.later();
      return;
    }
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      if (socket !== this.socket) return;
      opened = true;
      this.wasOpen = true;
      this.options.onConnection("open");
      if (Object.keys(this.asks).length) this.sendIfOpen({ type: "asks", asks: this.asks });
      if (this.paused) this.sendIfOpen({ type: "pause", paused: true });
      this.listen();
      this.steady = setTimeout(() => (this.attempt = 0), STEADY);
    };
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.listen();
      this.unpacking = this.unpacking.then(() => this.take(socket, event.data));
    };
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.socket) return;
      if (!opened) this.options.onRefused?.();
      if (REJECTED.includes(code)) {
        // At once it would happen again.
        this.attempt = ATTEMPTS_TO_LONGEST;
        this.options.onRejected?.(reason);
      }
      this.lost();
    };
    this.listen();
  }

  private async take(socket: Socket, data: unknown): Promise<void> {
    try {
      const unpack = this.options.unpack ?? inflated;
      const message = JSON.parse(typeof data === "string" ? data : await unpack(data)) as Message;
      if (socket !== this.socket) return;
      if (message.type === "hello") {
        this.silence = Math.max(SILENCE, MISSED * 1000 * (message.refresh || 0));
        this.listen();
      }
      if (message.type === "answer" && message.error.startsWith("too many")) this.askLater();
      this.options.onMessage(message);
    } catch (error) {
      // One broken message is not worth the connection; the next one replaces it.
      console.warn("a message could not be read", error);
    }
  }

  /** Asks once more what the server had no room for: others may have left meanwhile. */
  private askLater(): void {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.sendIfOpen({ type: "asks", asks: this.asks }), ASK_AGAIN);
  }

  private sendIfOpen(message: object): void {
    if (!this.socket || !this.wasOpen) return;
    try {
      this.socket.send(JSON.stringify(message));
    } catch {
      // Still connecting: all is sent when it opens.
    }
  }

  /** Starts to wait for the next message. A hidden page gets none, so nothing is wrong then. */
  private listen(): void {
    clearTimeout(this.watch);
    if (this.paused && this.wasOpen) return;
    this.watch = setTimeout(() => this.lost(), this.silence);
  }

  private lost(): void {
    this.forget();
    if (this.stopped) return;
    this.options.onConnection(this.wasOpen ? "lost" : "connecting");
    this.later();
  }

  private later(): void {
    const wait = delayBefore(this.attempt, this.options.random ?? Math.random);
    this.attempt += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), wait);
  }

  private forget(): void {
    clearTimeout(this.retry);
    clearTimeout(this.watch);
    clearTimeout(this.steady);
    clearTimeout(this.again);
    const socket = this.socket;
    this.socket = null;
    try {
      socket?.close();
    } catch {
      // It was never open.
    }
  }
}

/** Unpacks a raw deflate message. */
async function inflated(data: unknown): Promise<string> {
  const stream = new Blob([data as ArrayBuffer])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}
