/** The page's line to the kernel: every message finds its place in relay, exchange, mirror or store. */

import type { Model } from "./afm";
import { type AudioLine, createAudioLine } from "./audio/chunks";
import { type Buffers, createExchange, type Exchange } from "./exchange";
import { masked } from "./masking";
import {
  type BrowserMessage,
  browserTimeMs,
  type Command,
  type Direction,
  type Fields,
  type LogRecord,
  parseEvent,
  readKernelMessage,
  type Welcome,
  type WireRecord,
} from "./messages";
import { createMirror } from "./mirror";
import { createRelay } from "./relay";
import type { Store } from "./store";

/** An instance that nobody looks at lets one with a view answer first. */
const UNSEEN_PONG_AFTER_MS = 250;

export interface LinkPorts {
  page: string;
  store: Store;
  /** Do what a command asks. */
  run(method: Command["method"], params: Fields, buffers: Buffers): Promise<Fields> | Fields;
  /** Whether this page has a call up or under way, and how many views show it. */
  describe(): { live: boolean; views: number };
  /** Another kernel answers: what the last one began it will not end. */
  restarted(): void;
  /** The call is held by another instance than this one. */
  heldBy(page: string): void;
}

export interface Link {
  exchange: Exchange;
  /** The line for sound, apart from that of the records: neither waits for the other. */
  audio: AudioLine;
  /** A record of this page: logged, sent and shown. */
  record(direction: Direction, text: string): void;
  /** From here on this page's own records tell the state; the kernel's log is history. */
  takeOver(): void;
  /** When the kernel was last heard, by `performance.now`, in ms. */
  heardAt(): number;
  /** The model that messages go through. */
  model(): Model;
  /** Go on through another model: the host has made a new one for the same widget. */
  adopt(model: Model): void;
  /** Records of this page that are not known to be on the kernel's disk. */
  held(): readonly WireRecord[];
  flush(): void;
  close(): void;
}

export function createLink(first: Model, ports: LinkPorts): Link {
  const { page, store } = ports;
  let model = first;
  let own = false;
  /** Number of the record that began the call of this page. */
  let began = 0;
  /** The kernel's end that answered last; null before the first. */
  let end: string | null = null;

  function post(message: BrowserMessage, buffers?: ArrayBuffer[]): void {
    try {
      void model.send(message as unknown as Fields, undefined, buffers);
    } catch {
      // No way to the kernel at the moment: hello is said again until there is one.
    }
  }

  const exchange = createExchange({ page, post, numbered: () => relay.numbered(), run: ports.run });
  const mirror = createMirror({
    fetch: (params) => exchange.request("tail", params),
    apply: store.applyLogged,
    progress(share) {
      store.reading.value = share;
    },
  });
  const relay = createRelay({
    page,
    post,
    describe: ports.describe,
    onKernel(state, waiting) {
      store.kernel.value = state;
      store.waiting.value = waiting;
    },
  });

  const audio = createAudioLine({ page, post, open: () => relay.received() > began });

  function takeWelcome(message: Welcome): void {
    if (end !== null && end !== message.end) {
      exchange.giveUp("The kernel was restarted.");
      ports.restarted();
    }
    end = message.end;
    store.configure(message.config);
    relay.welcome(message);
    if (!own) {
      mirror.known(message.length);
    }
    store.held.value = message.owner !== null && message.owner !== page;
    if (message.owner !== null && store.held.peek()) {
      ports.heldBy(message.owner);
    }
  }

  function takeTail(records: readonly LogRecord[]): void {
    const attempt = store.activity.attempt.peek() + 1;
    const begins = records.some((record) => beginsCall(record, own ? attempt : 0));
    if (!own) {
      mirror.push(records);
    } else if (begins && !ports.describe().live) {
      // Another page calls: from now on this one shows the kernel's log.
      own = false;
      store.clear();
      mirror.restart((records.at(-1)?.[0] ?? -1) + 1);
    }
    if (begins && !own) {
      // The welcome will say who holds it.
      relay.hello();
    }
  }

  function pong(id: string): void {
    const answer = () => post({ kind: "pong", page, id, t_browser_ms: browserTimeMs() });
    const { live, views } = ports.describe();
    if (live || views > 0) {
      answer();
    } else {
      setTimeout(answer, UNSEEN_PONG_AFTER_MS);
    }
  }

  function receive(value: unknown, buffers?: Buffers): void {
    const message = readKernelMessage(value, page);
    switch (message?.kind) {
      case "welcome":
        takeWelcome(message);
        break;
      case "ack":
        relay.acknowledge(message);
        break;
      case "audio_ack":
        audio.acknowledge(message);
        break;
      case "command":
        exchange.command(message, buffers ?? []);
        break;
      case "reply":
        exchange.reply(message, buffers);
        break;
      case "ping":
        pong(message.id);
        break;
      case "tail":
        takeTail(message.records);
        break;
      case "note":
        store.applyNote(message.text);
        break;
      case "config":
        store.configure(message.config);
        break;
    }
  }

  function takeLatency(): void {
    const value = model.get("latency_heard_ms");
    // It is the one last heard: a turn that was typed leaves it as it is.
    if (typeof value === "number" || !store.activity.busy.peek()) {
      store.latencyHeardMs.value = typeof value === "number" ? value : null;
    }
  }

  function listen(): void {
    model.on("msg:custom", receive);
    model.on("change:latency_heard_ms", takeLatency);
    takeLatency();
    relay.hello();
  }

  function deafen(): void {
    model.off("msg:custom", receive);
    model.off("change:latency_heard_ms", takeLatency);
  }

  listen();

  return {
    exchange,
    audio,

    record(direction, passed) {
      const text = masked(passed);
      const t_browser_ms = browserTimeMs();
      const number = relay.append(direction, t_browser_ms, text);
      if (direction === "local" && beginsCall([number, direction, null, text], 0)) {
        began = number;
      }
      store.applyOwn(direction, t_browser_ms, text);
    },

    takeOver() {
      own = true;
      mirror.stop();
      store.takeOver();
    },

    heardAt: relay.heardAt,
    model: () => model,

    adopt(next) {
      deafen();
      model = next;
      listen();
    },

    held: relay.held,
    flush() {
      relay.flush();
      audio.flush();
    },

    close() {
      relay.flush();
      audio.flush();
      relay.close();
      audio.close();
      exchange.giveUp("The widget was closed before the kernel answered.");
      deafen();
    },
  };
}

/** Whether a logged record is the beginning of a call, of this attempt or a later one. */
function beginsCall([, direction, , text]: LogRecord, attempt: number): boolean {
  if (direction !== "local" || !text.includes("rtc.state")) {
    return false;
  }
  const { type, state, call } = parseEvent(text);
  const begins = type === "rtc.state" && (state === "connecting" || state === "microphone");
  return begins && typeof call === "number" && call >= attempt;
}
