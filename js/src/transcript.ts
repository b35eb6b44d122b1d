/** The transcript: one reducer from changes of the conversation to rows, each a signal of its own. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { Change, ItemFields } from "./dialect";
import { createLatency } from "./latency";
import { createOrder } from "./order";
import { createPlaying } from "./playing";
import { type Entry, type Row, rowWords, type Speaker, spokenWords } from "./rows";

export interface Transcript {
  rows: ReadonlySignal<readonly Signal<Row>[]>;
  apply(change: Change, t_ms: number): void;
  /** Count from an earlier moment on. */
  shift(later_ms: number): void;
  clear(): void;
}

/** Of the agent's speech, a token of audio. */
const MS_PER_TOKEN = 50;

/** Whether there was anything of it to hear, and all of it is said. */
function isAudible({ row, spoken, written, done, said, tool }: Entry): boolean {
  const { who } = row.peek();
  return tool === null && done && (who === "you" ? spoken : who === "agent" && !written && said !== "");
}

export function createTranscript(prefix: string): Transcript {
  const order = createOrder(prefix);
  let call = 0;
  let live = false;
  let silence_ms: number | null = null;
  let transcribes = true;
  let byHand = false;
  const latency = createLatency();
  const playing = createPlaying({ messagesOf, show });
  const asides = new Set<string>();

  function messagesOf(response_id: string): Entry[] {
    return order.ofResponse(response_id).filter((entry) => entry.row.value.who === "agent");
  }

  function show(entry: Entry, more: Partial<Row> = {}): void {
    const { tool, item_id, response_id } = entry;
    const ids = [item_id, tool?.tool_call_id ?? "", response_id].filter((id) => id !== "");
    const words = rowWords(entry, transcribes);
    entry.row.value = { ...entry.row.value, ids, audible: isAudible(entry), ...words, ...more };
  }

  function takeItem(item: ItemFields, t_ms: number): void {
    const who = item.role === "assistant" ? "agent" : item.role === "user" ? "you" : item.role;
    const known = order.find(item.item_id);
    const entry = known ?? order.add(who, t_ms, item);
    if (item.after !== undefined) {
      order.place(entry, item.after);
    }
    entry.response_id = item.response_id ?? entry.response_id;
    entry.spoken ||= item.spoken;
    if (known === undefined && who === "you" && !item.spoken) {
      latency.takesIn(t_ms);
    }
    entry.request = item.request === true;
    if (item.tool !== undefined) {
      takeTool(entry, item.tool, item.done, t_ms);
    } else if (item.done && item.text !== null) {
      entry.kept = item.text;
    }
    entry.done ||= item.done;
    show(entry);
  }

  function takeTool(entry: Entry, tool: NonNullable<ItemFields["tool"]>, done: boolean, t_ms: number): void {
    const output = tool.output ?? entry.tool?.output ?? null;
    const error = tool.error ?? entry.tool?.error ?? null;
    entry.tool = { ...tool, output, error };
    if (done && !entry.done) {
      entry.row.value = { ...entry.row.value, at_ms: t_ms };
    }
  }

  function takeSpeech(item_id: string, speaking: boolean, t_ms: number): void {
    const entry = order.find(item_id) ?? order.add("you", t_ms, { item_id });
    entry.spoken = true;
    entry.done ||= !speaking;
    if (speaking) {
      latency.speaks();
    } else {
      latency.fallsSilent(t_ms, silence_ms);
    }
    show(entry);
  }

  function takeSaid(change: Extract<Change, { kind: "said" }>, t_ms: number): void {
    const entry = order.find(change.item_id) ?? order.add("agent", t_ms, { item_id: change.item_id });
    entry.response_id = change.response_id || entry.response_id;
    if (change.written && !entry.written) {
      entry.written = true;
      entry.latency_ms = latency.answers(t_ms);
    }
    entry.said += change.delta ?? "";
    if (change.text !== undefined && change.text.length > entry.said.length) {
      entry.said = change.text;
    }
    show(entry);
  }

  function takeTranscript(change: Extract<Change, { kind: "transcript" }>, t_ms: number): void {
    const entry = order.find(change.item_id) ?? order.add("you", t_ms, { item_id: change.item_id });
    entry.spoken = true;
    // A live model writes what has not been committed yet.
    entry.done ||= change.delta === undefined;
    entry.said += change.delta ?? "";
    entry.kept = change.failed === undefined ? (change.text ?? entry.kept) : entry.said;
    entry.remark = change.failed ?? (entry.kept === "" ? "no words heard" : "");
    show(entry);
  }

  function takeResponse(change: Extract<Change, { kind: "response" }>, t_ms: number): void {
    if (!change.in_conversation) {
      asides.add(change.response_id);
    }
    if (change.running) {
      return;
    }
    const entries = order.ofResponse(change.response_id).filter((entry) => entry.tool === null);
    const last = entries.at(-1);
    const length = entries.reduce((sum, entry) => sum + spokenWords(entry).length, 0);
    for (const entry of entries) {
      entry.done = true;
      if (change.audio_tokens > 0 && length > 0) {
        entry.sound_ms = (change.audio_tokens * MS_PER_TOKEN * spokenWords(entry).length) / length;
      }
      show(entry);
    }
    if (change.status === "failed") {
      note("error", t_ms, { text: "The response failed.", hint: change.reason });
    } else if (change.status === "incomplete" && last !== undefined) {
      last.shortened = change.reason;
      show(last);
    } else if (change.status === "cancelled" && last !== undefined) {
      playing.cancel(change.response_id, last, t_ms);
    }
  }

  function takeAudio(phase: "started" | "stopped" | "cleared", response_id: string, t_ms: number): void {
    if (phase !== "started") {
      playing.end(response_id, t_ms, phase === "cleared");
      return;
    }
    playing.begin(response_id, t_ms);
    const first = messagesOf(response_id)[0];
    if (first !== undefined) {
      first.latency_ms ??= latency.answers(t_ms);
      show(first);
    }
  }

  function takeOutput(change: Extract<Change, { kind: "output" }>, t_ms: number): void {
    const entry = order.findTool(change.tool_call_id);
    if (entry?.tool == null) {
      return;
    }
    entry.tool.output = change.output ?? entry.tool.output;
    entry.tool.error = change.error ?? entry.tool.error;
    if (change.run_ms !== null) {
      entry.tool_ms = change.run_ms;
      entry.ran = true;
    } else if (entry.approval !== "rejected") {
      entry.tool_ms ??= t_ms - entry.row.value.at_ms;
    }
    show(entry);
  }

  function takeState(change: Extract<Change, { kind: "state" }>, t_ms: number): void {
    const { state } = change;
    if (change.call !== call && (state === "connecting" || state === "microphone")) {
      order.nextCall();
      call = change.call;
      live = false;
    }
    if (state === "live" && !live) {
      live = true;
    } else if ((state === "ended" || state === "failed") && live) {
      live = false;
      playing.callOver(t_ms);
      for (const entry of order.growing()) {
        entry.done = true;
        show(entry, { busy: false });
      }
      for (const entry of order.unanswered()) {
        entry.over = true;
        show(entry);
      }
      const reason = typeof change.fields.reason === "string" ? change.fields.reason : "";
      const end = state === "failed" ? "lost" : "ended";
      note("call", t_ms, { text: reason === "" ? end : `${end}: ${reason}` });
    }
  }

  function note(who: Speaker, t_ms: number, row: Partial<Row>): void {
    const entry = order.add(who, t_ms);
    entry.done = true;
    entry.row.value = { ...entry.row.value, ...row };
  }

  function apply(change: Change, t_ms: number): void {
    switch (change.kind) {
      case "session":
        silence_ms = change.silence_ms;
        transcribes = change.transcription;
        byHand = change.by_hand;
        break;
      case "written":
        latency.writes(t_ms);
        break;
      case "asked":
        latency.asks(t_ms);
        break;
      case "speech":
        takeSpeech(change.item_id, change.speaking, t_ms);
        break;
      case "unsaid":
        for (const { item_id, spoken } of order.growing()) {
          if (spoken) {
            order.remove(item_id);
          }
        }
        break;
      case "place": {
        const entry = order.find(change.item_id) ?? order.add("you", t_ms, { item_id: change.item_id });
        if (byHand && !entry.spoken) {
          latency.takesIn(t_ms);
        }
        order.place(entry, change.after);
        entry.spoken = true;
        entry.done = true;
        show(entry);
        break;
      }
      case "item":
        if (!asides.has(change.item.response_id ?? "")) {
          takeItem(change.item, t_ms);
        }
        break;
      case "transcript":
        takeTranscript(change, t_ms);
        break;
      case "said":
        if (!asides.has(change.response_id)) {
          takeSaid(change, t_ms);
        }
        break;
      case "response":
        takeResponse(change, t_ms);
        break;
      case "audio":
        takeAudio(change.phase, change.response_id, t_ms);
        break;
      case "truncated": {
        const entry = order.find(change.item_id);
        if (entry !== undefined) {
          playing.cutOff(entry, t_ms, change.audio_end_ms, true);
        }
        break;
      }
      case "deleted":
        order.remove(change.item_id);
        break;
      case "output":
        takeOutput(change, t_ms);
        break;
      case "approval": {
        const entry = order.findTool(change.tool_call_id);
        if (entry?.request && change.decision !== "asked") {
          order.remove(entry.item_id);
        } else if (entry !== undefined) {
          entry.approval = change.decision;
          entry.remark = change.reason;
          show(entry);
        }
        break;
      }
      case "error":
        note("error", t_ms, { text: change.message, hint: change.advice || change.code });
        break;
      case "state":
        takeState(change, t_ms);
        break;
    }
  }

  return {
    rows: order.rows,
    apply,
    shift(later_ms) {
      for (const row of order.rows.peek()) {
        row.value = { ...row.peek(), at_ms: Math.max(0, row.peek().at_ms + later_ms) };
      }
    },
    clear() {
      order.clear();
      call = 0;
      live = false;
    },
  };
}
