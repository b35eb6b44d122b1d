/** One instance: what one `initialize` holds (relay, call, store), and what its views may ask of it. */

import type { Model } from "./afm";
import { createMeters } from "./audio/meters";
import { createOutgoing } from "./audio/outgoing";
import { createSound } from "./audio/sound";
import { createSpeaker } from "./audio/speaker";
import { createCall } from "./call";
import { createCommands } from "./commands";
import { interruptEvents } from "./dialect";
import { type Buffers, createExchange } from "./exchange";
import {
  type BrowserMessage,
  browserTimeMs,
  type Direction,
  type Fields,
  isFields,
  type LogRecord,
  parseEvent,
  randomId,
  readKernelMessage,
} from "./messages";
import { createMirror } from "./mirror";
import { leaveThePlace, takeThePlace } from "./one_live";
import { createPresence } from "./presence";
import { createRelay } from "./relay";
import { createSay } from "./say";
import { createStore, type Store } from "./store";
import { showPill } from "./views/pill";

const TIMEOUT_MS = 20_000;

export interface Instance {
  store: Store;
  /** Start a call, within a click. What goes wrong shows in the store. */
  connect(): void;
  hangUp(): void;
  setMuted(muted: boolean): void;
  /** Stop the agent: what it is making and what is on its way to the ear. */
  interrupt(): void;
  /** Say something in writing; rejects with what the composer shows. */
  say(words: string): Promise<void>;
  /** Somebody clicked or typed in the panel: sound that the browser held back may start. */
  touched(): void;
  /** A view shows this instance from now on; returns how to leave. */
  attach(element: Element): () => void;
  /** Whether anybody can see this view: meters are read only for somebody. */
  setVisible(element: Element, visible: boolean): void;
  dispose(): void;
}

export function createInstance(model: Model): Instance {
  const page = randomId();
  const store = createStore();
  const { activity } = store;
  let own = false;

  function post(message: BrowserMessage): void {
    try {
      void model.send(message as unknown as Fields);
    } catch {
      // No way to the kernel at the moment: hello is said again until there is one.
    }
  }

  function record(direction: Direction, text: string): void {
    const t_browser_ms = browserTimeMs();
    relay.append(direction, t_browser_ms, text);
    store.applyOwn(direction, t_browser_ms, text);
  }

  const note = (fields: Fields & { type: string }) => record("local", JSON.stringify(fields));

  // -- sound ----------------------------------------------------------------------------------------------------

  const sound = createSound();
  const meters = createMeters(sound, store.levels);
  const speaker = createSpeaker((held) => {
    store.soundHeld.value = held;
  });
  let agentTrack: MediaStreamTrack | null = null;
  const listen = () => meters.listen({ you: outgoing.audible(), agent: agentTrack });
  const outgoing = createOutgoing(sound, () => listen());

  // -- the call -------------------------------------------------------------------------------------------------

  const call = createCall({
    note,
    passed: record,
    request: (method, params) => exchange.request(method, params),
    kernelHeardAt: () => relay.heardAt(),
    progress(words) {
      store.progress.value = words;
    },
    heard(track) {
      agentTrack = track;
      if (track === null) {
        meters.stop();
      } else {
        listen();
      }
    },
    sound,
    speaker,
    outgoing,
  });

  async function connect(params: Fields): Promise<Fields> {
    const config = store.config.peek();
    if (!call.busy()) {
      takeThePlace(call);
      own = true;
      mirror.stop();
      store.takeOver();
    }
    const number = (value: unknown, otherwise: number) => (typeof value === "number" ? value : otherwise);
    return call.connect({
      microphone: String(params.microphone ?? config?.microphone ?? "auto"),
      signaling: (params.signaling ?? config?.signaling) === "kernel" ? "kernel" : "ephemeral",
      timeout_ms: number(params.timeout_ms, TIMEOUT_MS),
      attempt: number(params.attempt, activity.attempt.peek() + 1),
      calls_url: config?.calls_url ?? "",
      loopback: config?.loopback ?? false,
    });
  }

  // -- the kernel -----------------------------------------------------------------------------------------------

  const commands = createCommands({ call, outgoing, note, connect });
  const exchange = createExchange({ page, post, run: commands.run });
  const mirror = createMirror({
    fetch: (params) => exchange.request("tail", params),
    apply: store.applyLogged,
  });
  const relay = createRelay({
    page,
    post,
    describe: () => ({ live: call.busy(), views: presence.count() }),
    onKernel(state, waiting) {
      store.kernel.value = state;
      store.waiting.value = waiting;
    },
  });

  function takeTail(records: readonly LogRecord[]): void {
    if (own && !call.busy() && records.some((row) => beginsCall(row, activity.attempt.peek() + 1))) {
      // Another page calls: from now on this one shows the kernel's log.
      own = false;
      store.clear();
      mirror.restart((records.at(-1)?.[0] ?? -1) + 1);
    } else if (!own) {
      mirror.push(records);
    }
  }

  function receive(value: unknown, buffers?: Buffers): void {
    const message = readKernelMessage(value, page);
    switch (message?.kind) {
      case "welcome":
        store.config.value = message.config;
        relay.welcome(message);
        if (!own) {
          mirror.known(message.length);
        }
        break;
      case "ack":
        relay.acknowledge(message);
        break;
      case "command":
        exchange.command(message, buffers ?? []);
        break;
      case "reply":
        exchange.reply(message);
        break;
      case "ping":
        post({ kind: "pong", page, id: message.id, t_browser_ms: browserTimeMs() });
        break;
      case "tail":
        takeTail(message.records);
        break;
      case "error":
        store.applyError(isFields(message.error) ? message.error : {});
        break;
      case "config":
        store.config.value = message.config;
        break;
    }
  }

  // -- who sees it ----------------------------------------------------------------------------------------------

  const visible = new Set<Element>();
  let hidePill: (() => void) | null = null;
  const presence = createPresence({
    unseen(unseen) {
      hidePill?.();
      hidePill = unseen ? showPill(instance) : null;
    },
    expired: () => call.hangUp("no view of this call was left in the page for 10 minutes"),
  });
  const unwatch = activity.busy.subscribe((busy) => {
    const ours = busy && call.busy();
    presence.watch(ours);
    if (!ours) {
      leaveThePlace(call);
    }
  });

  const takeLatency = () => {
    const value = model.get("latency_heard_ms");
    store.latencyHeardMs.value = typeof value === "number" ? value : null;
  };
  const leavePage = () => {
    call.hangUp("the page was closed or reloaded");
    relay.flush();
  };

  const instance: Instance = {
    store,
    connect() {
      // What goes wrong is noted in the log, and the panel reads it there.
      connect({}).catch(() => undefined);
    },
    hangUp: () => call.hangUp("you hung up"),
    setMuted(muted) {
      if (call.busy()) {
        call.setMuted(muted);
      }
    },
    interrupt() {
      if (call.live() && (activity.responding.peek() || activity.sounding.peek())) {
        call.send(interruptEvents(activity.responding.peek()));
      }
    },
    say: createSay({ call, activity, exchange }),
    touched() {
      if (call.busy()) {
        void sound.context()?.resume();
      }
      if (store.soundHeld.peek()) {
        speaker.resume();
      }
    },
    attach: presence.attach,
    setVisible(element, seen) {
      if (seen) {
        visible.add(element);
      } else {
        visible.delete(element);
      }
      meters.setVisible(visible.size > 0);
    },
    dispose() {
      call.hangUp("the widget was closed");
      relay.flush();
      relay.close();
      exchange.close();
      presence.watch(false);
      unwatch();
      model.off("msg:custom", receive);
      model.off("change:latency_heard_ms", takeLatency);
      globalThis.removeEventListener("pagehide", leavePage);
    },
  };

  model.on("msg:custom", receive);
  model.on("change:latency_heard_ms", takeLatency);
  globalThis.addEventListener("pagehide", leavePage);
  takeLatency();
  relay.hello();
  return instance;
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
