/** One instance: what one `initialize` holds (line to the kernel, call, store), and what its views may ask of it. */

import type { Model } from "./afm";
import { createDevices, type Devices } from "./audio/devices";
import { createListener, type Listener } from "./audio/listener";
import { createMeters } from "./audio/meters";
import { openMicrophone } from "./audio/microphone";
import { createOutgoing } from "./audio/outgoing";
import { createPieces, type Pieces } from "./audio/pieces";
import { createRecording } from "./audio/recording";
import { createSound } from "./audio/sound";
import { createSpeaker } from "./audio/speaker";
import { type Axis, createAxis } from "./axis";
import { createCall } from "./call";
import { createCommands } from "./commands";
import { interruptEvents } from "./dialect";
import { type Exchange, failure } from "./exchange";
import { createHeardTurns, type HeardTurns } from "./heard";
import { createLink } from "./link";
import { type Fields, type LogRecord, randomId } from "./messages";
import { leaveThePlace, takeThePlace } from "./one_live";
import { createPresence } from "./presence";
import { createPrompt, type Prompt } from "./prompt";
import { createReplay, type Replay } from "./replay";
import { type Resident, residents } from "./residents";
import { saveRecords } from "./save";
import { createSay } from "./say";
import { createStats } from "./stats";
import { createStore, type Store } from "./store";
import { createTalk } from "./talk";
import { createTimeline, type Timeline } from "./timeline";
import type { Tab } from "./view";
import { mountPanel } from "./views/panel";
import { showPill } from "./views/pill";

const TIMEOUT_MS = 20_000;

export interface Instance extends Resident {
  store: Store;
  devices: Devices;
  /** Plays what was recorded. */
  listener: Listener;
  prompt: Prompt;
  heard: HeardTurns;
  timeline: Timeline;
  /** Plays the recording from any instant on. */
  pieces: Pieces;
  /** A recording's events in step with its sound. */
  replay: Replay;
  /** What is in sight of the picture. */
  axis: Axis;
  opens: Tab;
  /** Ask the kernel. */
  ask: Exchange["request"];
  /** Places in the kernel's log whose text holds some words. */
  findEvents(words: string): Promise<ReadonlySet<number>>;
  /** The text of an event that has none here any more. */
  fetchEvent(seq: number): Promise<string>;
  /** Start a call, within a click. What goes wrong shows in the store. */
  connect(): void;
  hangUp(): void;
  setMuted(muted: boolean): void;
  /** Stop the agent: what it is making and what is on its way to the ear. */
  interrupt(): void;
  /**
   * Push to talk: the button goes down (`true`), and up again, which ends the turn and asks for an answer; tells
   * whether it was held too short a time for that.
   */
  talk(down: boolean): boolean;
  /** Say something in writing; rejects with what the composer shows. */
  say(words: string): Promise<void>;
  /** Allow or forbid a tool call that waits for it. */
  decide(tool_call_id: string, approve: boolean): void;
  /** Save the records that the kernel has not written down, as a file that rtc.load and rtc.resume read. */
  saveHeld(): void;
  /** Somebody clicked or typed in the panel: sound that the browser held back may start. */
  touched(): void;
  /** A view shows this instance from now on; returns how to leave. */
  attach(element: Element): () => void;
  /** Whether anybody can see this view: meters are read only for somebody. */
  setVisible(element: Element, visible: boolean): void;
}

export interface InstanceOptions {
  /** Shared with another instance whose picture goes together with this one's. */
  axis?: Axis;
  /** The tab that is in front at first. */
  opens?: Tab;
}

/** Make an instance; `superseded` is called when another one of this page turns out to hold this widget's call. */
export function createInstance(
  first: Model,
  superseded: (by: Resident) => void = () => undefined,
  { axis = createAxis(), opens = "transcript" }: InstanceOptions = {},
): Instance {
  const page = randomId();
  const store = createStore();
  const { activity } = store;

  // -- sound ----------------------------------------------------------------------------------------------------

  const sound = createSound();
  const meters = createMeters(sound, store.levels);
  const speaker = createSpeaker((held) => {
    store.soundHeld.value = held;
  });
  let agentTrack: MediaStreamTrack | null = null;
  const recorded = () => store.config.peek()?.record === true;
  const listen = () => {
    meters.listen({ you: outgoing.audible(), agent: agentTrack });
    recording.listen({ user: outgoing.sent(), agent: agentTrack });
  };
  const outgoing = createOutgoing(sound, () => listen());

  // -- the call -------------------------------------------------------------------------------------------------

  const note = (fields: Fields & { type: string }) => link.record("local", JSON.stringify(fields));
  const stats = createStats({ note, clock: () => recording.clock() });

  const call = createCall({
    page,
    note,
    passed: (direction, text) => link.record(direction, text),
    request: (method, params) => link.exchange.request(method, params),
    kernelHeardAt: () => link.heardAt(),
    progress(words) {
      store.progress.value = words;
    },
    heard(track) {
      agentTrack = track;
      if (track === null) {
        recording.end();
        meters.stop();
      } else {
        if (recorded()) {
          recording.begin();
        }
        listen();
      }
    },
    openMicrophone: (choice) => openMicrophone(choice, devices.processing.peek()),
    connected: (pc) => stats.watch(pc, recorded()),
    sound,
    speaker,
    outgoing,
  });

  const devices = createDevices({ ...call, ...speaker });

  async function connect(params: Fields): Promise<Fields> {
    const config = store.config.peek();
    if (!call.busy()) {
      takeThePlace(call);
      link.takeOver();
    }
    const number = (value: unknown, otherwise: number) => (typeof value === "number" ? value : otherwise);
    return call.connect({
      microphone: String(params.microphone ?? (devices.microphone.peek() || (config?.microphone ?? "auto"))),
      signaling: (params.signaling ?? config?.signaling) === "kernel" ? "kernel" : "ephemeral",
      timeout_ms: number(params.timeout_ms, TIMEOUT_MS),
      attempt: number(params.attempt, activity.attempt.peek() + 1),
      calls_url: config?.calls_url ?? "",
      loopback: config?.loopback ?? false,
    });
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
    devices.refresh();
    if (!ours) {
      leaveThePlace(call);
    }
  });

  // -- the kernel -----------------------------------------------------------------------------------------------

  const link = createLink(first, {
    page,
    store,
    run: createCommands({ call, outgoing, note, connect, request: (...asked) => link.exchange.request(...asked) }).run,
    describe: () => ({ live: call.busy(), views: presence.count() }),
    restarted: outgoing.restore,
    heldBy(owner) {
      const other = residents().get(owner);
      if (other !== undefined && !call.busy()) {
        superseded(other);
      }
    },
  });

  const recording = createRecording({ sound, line: link.audio, note });

  const leavePage = () => {
    call.hangUp("the page was closed or reloaded");
    link.flush();
  };
  globalThis.addEventListener("pagehide", leavePage);

  const played = {
    fetch: (params: Fields) => link.exchange.request("sound", params),
    recorded,
    sink: () => devices.speaker.peek(),
    volume: () => devices.volume.peek(),
  };
  const listener = createListener(played);
  const pieces = createPieces(played);

  const instance: Instance = {
    store,
    devices,
    listener,
    prompt: createPrompt(link.exchange.request),
    heard: createHeardTurns(link.exchange.request, store),
    timeline: createTimeline(link.exchange.request),
    pieces,
    replay: createReplay(store, pieces),
    axis,
    opens,
    ask: link.exchange.request,
    async findEvents(query) {
      const { seqs } = await link.exchange.request("find", { query });
      return new Set(Array.isArray(seqs) ? (seqs as number[]) : []);
    },
    async fetchEvent(seq) {
      const { records } = await link.exchange.request("tail", { since: seq, limit: 1 });
      const record = Array.isArray(records) ? (records as LogRecord[])[0] : undefined;
      if (record === undefined) {
        throw failure("RecordingError", `the kernel's log has no record ${seq}`);
      }
      return record[3];
    },
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
    talk: createTalk({ call, store, interrupt: () => instance.interrupt() }),
    say: createSay({ call, activity, exchange: link.exchange }),
    decide(tool_call_id, approve) {
      // What was decided comes back as a note; a decision that comes too late changes nothing.
      link.exchange.request("approve", { tool_call_id, approve }).catch(() => undefined);
    },
    saveHeld: () => saveRecords(link.held()),
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
    mount: (el) => mountPanel(instance, el),
    model: link.model,
    adopt: link.adopt,
    dispose() {
      call.hangUp("the widget was closed");
      link.close();
      devices.close();
      listener.stop();
      pieces.stop();
      store.events.close();
      presence.watch(false);
      unwatch();
      instance.heard.stop();
      residents().delete(page);
      globalThis.removeEventListener("pagehide", leavePage);
    },
  };
  residents().set(page, instance);
  return instance;
}
