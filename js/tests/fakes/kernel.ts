/** The kernel end of the relay as the contract has it, and the model between; both in memory. */

import type { Listener, Model } from "../../src/afm";
import type {
  BrowserMessage,
  Command,
  Fields,
  KernelMessage,
  LogRecord,
  PanelConfig,
  RelayError,
  Reply,
  WireRecord,
} from "../../src/messages";

export const CONFIG: PanelConfig = {
  provider: "sandbox",
  sandbox: true,
  model: "gpt-realtime-2.1",
  voice: "marin",
  signaling: "ephemeral",
  microphone: "auto",
  prompt_version: 3,
  variant: "calm",
  transcription: true,
  answers: true,
  calls_url: "http://127.0.0.1:8765/v1/realtime/calls",
  loopback: true,
  record: false,
  cost_usd: null,
  elapsed_ms: null,
  replay: null,
};

export const SECRET = "ek_canary_4711";

export type Answer = (params: Fields) => Fields | Promise<Fields>;

export interface Kernel {
  model: Model;
  /** All that the page sent, in order. */
  sent: BrowserMessage[];
  /** The event log: every record once. */
  log: LogRecord[];
  /** Answers of the kernel to requests; a thrown `RelayError` becomes an error reply. */
  answers: Record<string, Answer>;
  /** Name of the page that said hello last. */
  page(): string;
  /** Hold back what the page sends, as a kernel does that runs a cell. */
  block(): void;
  unblock(): void;
  /** Lose the next messages of the page on their way. */
  lose(count: number): void;
  /** Take records but call none of them durable. */
  holdDurable(hold: boolean): void;
  post(message: Fields, buffers?: DataView[]): void;
  command(method: Command["method"] | string, params?: Fields, buffers?: DataView[], id?: string): Promise<Reply>;
  setTrait(name: string, value: unknown): void;
  /** Notes of one type in the log. */
  notes(type: string): Fields[];
}

export function createKernel(config: PanelConfig = CONFIG, end = "e1"): Kernel {
  const listeners = new Map<string, Set<Listener>>();
  const traits: Fields = { status: "idle", muted: false, latency_heard_ms: null };
  const replies = new Map<string, (reply: Reply) => void>();
  const pages = new Map<string, { received: number }>();
  const sent: BrowserMessage[] = [];
  const log: LogRecord[] = [];
  let waiting: BrowserMessage[] = [];
  let blocked = false;
  let losing = 0;
  let durableHeld = false;
  let page = "";
  let owner: string | null = null;
  let serial = 0;
  let first_ms: number | null = null;

  const answers: Record<string, Answer> = {
    secret: () => ({ value: SECRET, calls_url: config.calls_url, expires_at: 0, headers: {} }),
    answer: () => ({ sdp: "kernel's answer", rtc_call_id: "rtc_kernel" }),
    say: () => ({}),
    tail: ({ since, limit }) => {
      const records = log.slice(Number(since), Number(since) + Number(limit));
      const next = Number(since) + records.length;
      return { records, next: next < log.length ? next : null };
    },
  };

  const tell = (name: string, ...parts: unknown[]) => {
    for (const listener of listeners.get(name) ?? []) {
      listener(structuredClone(parts[0]), parts[1] as DataView[] | undefined);
    }
  };
  const post = (message: KernelMessage | Fields, buffers?: DataView[]) => tell("msg:custom", message, buffers ?? []);

  function welcome(to: string, received: number, missing = false): void {
    const durable = durableHeld ? 0 : received;
    post({ kind: "welcome", page: to, received, missing, durable, owner, config, length: log.length, end });
  }

  function take(from: string, first: number, rows: WireRecord[]): void {
    const state = pages.get(from) ?? { received: 0 };
    pages.set(from, state);
    if (first > state.received) {
      welcome(from, state.received, true);
      return;
    }
    for (const [direction, t_browser_ms, text] of rows.slice(state.received - first)) {
      first_ms ??= t_browser_ms;
      log.push([log.length, direction, t_browser_ms - first_ms, text]);
      const note = direction === "local" ? (JSON.parse(text) as Fields) : {};
      if (note.type === "rtc.state") {
        owner = note.state === "ended" || note.state === "failed" ? null : from;
      }
      state.received++;
    }
    const durable = durableHeld ? 0 : state.received;
    post({ kind: "ack", page: from, received: state.received, durable });
  }

  async function answer(message: Extract<BrowserMessage, { kind: "request" }>): Promise<void> {
    const { id } = message;
    try {
      const result = (await answers[message.method]?.(message.params)) ?? {};
      post({ kind: "reply", page: message.page, id, ok: true, result });
    } catch (error) {
      post({ kind: "reply", page: message.page, id, ok: false, error: error as RelayError });
    }
  }

  function handle(message: BrowserMessage): void {
    if (message.kind === "hello") {
      page = message.page;
      welcome(page, pages.get(page)?.received ?? 0);
    } else if (message.kind === "records") {
      take(message.page, message.first, message.records);
    } else if (message.kind === "request") {
      void answer(message);
    } else if (message.kind === "reply") {
      replies.get(message.id)?.(message);
    }
  }

  const model: Model = {
    get: (name) => traits[name],
    on: (name, listener) => {
      listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
    },
    off: (name, listener) => {
      listeners.get(name)?.delete(listener);
    },
    send(content) {
      const message = structuredClone(content) as unknown as BrowserMessage;
      sent.push(message);
      if (losing > 0) {
        losing--;
      } else if (blocked) {
        waiting.push(message);
      } else {
        queueMicrotask(() => handle(message));
      }
    },
  };

  return {
    model,
    sent,
    log,
    answers,
    page: () => page,
    block: () => {
      blocked = true;
    },
    unblock: () => {
      blocked = false;
      const late = waiting;
      waiting = [];
      for (const message of late) {
        handle(message);
      }
    },
    lose: (count) => {
      losing = count;
    },
    holdDurable: (hold) => {
      durableHeld = hold;
    },
    post,
    command(method, params = {}, buffers = [], id = `c${serial++}`) {
      const reply = new Promise<Reply>((resolve) => replies.set(id, resolve));
      post({ kind: "command", page, id, method, params }, buffers);
      return reply;
    },
    setTrait(name, value) {
      traits[name] = value;
      tell(`change:${name}`);
    },
    notes: (type) =>
      log.flatMap(([, direction, , text]) => {
        const note = direction === "local" ? (JSON.parse(text) as Fields) : {};
        return note.type === type ? [note] : [];
      }),
  };
}
