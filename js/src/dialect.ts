/**
 * The one place that knows the names of the Realtime API's events: records in, changes of the conversation out;
 * verbs in, client events out. Notes of our own are read here too, so that whoever shows a record needs one language.
 */

import { type CallState, type Direction, type Fields, isFields } from "./messages";

export type Role = "user" | "assistant" | "system" | "tool";

/** What an item says of itself; a field is missing when the event does not tell. */
export interface ItemFields {
  item_id: string;
  /** Item before this one: null when there is none, missing when the event does not place the item. */
  after?: string | null;
  role: Role;
  /** Text or transcript, null as long as it is not known. */
  text: string | null;
  /** The item will not grow any more. */
  done: boolean;
  /** A user's item that was spoken: its words come later, by transcription. */
  spoken: boolean;
  response_id?: string;
  tool?: { tool_call_id: string; name: string; arguments: string; output: string | null; error: string | null };
  /** A remote call's question to a person; its row is there only until it is decided. */
  request?: boolean;
  /** An item that has its place but is not shown, such as a tool's output. */
  hidden: boolean;
}

export type Change =
  | { kind: "session"; silence_ms: number | null; transcription: boolean; by_hand: boolean }
  | { kind: "written" }
  | { kind: "asked" }
  | { kind: "speech"; item_id: string; speaking: boolean }
  | { kind: "unsaid" }
  | { kind: "place"; item_id: string; after: string | null }
  | { kind: "item"; item: ItemFields }
  | { kind: "transcript"; item_id: string; delta?: string; text?: string; failed?: string }
  | { kind: "said"; item_id: string; response_id: string; written: boolean; delta?: string; text?: string }
  | {
      kind: "response";
      response_id: string;
      running: boolean;
      in_conversation: boolean;
      status: string;
      reason: string;
      audio_tokens: number;
    }
  | { kind: "audio"; phase: "started" | "stopped" | "cleared"; response_id: string }
  | { kind: "truncated"; item_id: string; audio_end_ms: number }
  | { kind: "deleted"; item_id: string }
  | { kind: "output"; tool_call_id: string; output: string | null; error: string | null; run_ms: number | null }
  | { kind: "approval"; tool_call_id: string; decision: string; reason: string }
  | { kind: "error"; source: string; message: string; code: string; advice: string }
  | { kind: "state"; state: CallState; call: number; fields: Fields }
  | { kind: "mute"; muted: boolean }
  | { kind: "play"; what: string; playing: boolean }
  | { kind: "recording"; on: boolean }
  | { kind: "quality"; what: string; value: number; bad: boolean };

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const fields = (value: unknown): Fields => (isFields(value) ? value : {});
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const nullable = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** Read a record: what it changes, nothing for events that change nothing here or that nobody knows. */
export function read(direction: Direction, event: Fields): Change[] {
  if (direction === "local") {
    return readNote(event);
  }
  return direction === "client" ? readClient(event) : readServer(event);
}

/** The client event that says something to the agent in writing. */
export function sayEvent(words: string): string {
  const content = [{ type: "input_text", text: words }];
  return JSON.stringify({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
}

/** The client event that asks for a response. */
export const respondEvent = JSON.stringify({ type: "response.create" });

/** Client events that stop the agent: what it is making, then what is already on its way to the ear. */
export function interruptEvents(responding: boolean): string[] {
  const clear = JSON.stringify({ type: "output_audio_buffer.clear" });
  return responding ? [JSON.stringify({ type: "response.cancel" }), clear] : [clear];
}

/** Client events of push to talk: the button goes down, and up again, which asks for an answer where there is one. */
export function talkEvents(down: boolean, answers: boolean): string[] {
  const event = JSON.stringify({ type: `input_audio_buffer.${down ? "clear" : "commit"}` });
  return down || !answers ? [event] : [event, respondEvent];
}

/** Why a call is over, of the text of the server event that says so before it closes; null of every other. */
export function endingOf(event: string): string | null {
  if (!event.includes("session_expired")) {
    return null; // nearly every event: reading all of them twice would cost
  }
  try {
    const expired = fields(fields(JSON.parse(event)).error).code === "session_expired";
    return expired ? "the call reached its longest time (session_expired): connect() begins a new one" : null;
  } catch {
    return null;
  }
}

function readClient(event: Fields): Change[] {
  const item = fields(event.item);
  if (event.type === "conversation.item.create" && item.type === "function_call_output") {
    return [output(item)];
  }
  if (event.type === "conversation.item.create" && item.role === "user") {
    return [{ kind: "written" }];
  }
  return event.type === "response.create" && fields(event.response).conversation !== "none" ? [{ kind: "asked" }] : [];
}

function readServer(event: Fields): Change[] {
  const item_id = text(event.item_id);
  const response_id = text(event.response_id);
  switch (event.type) {
    case "session.created":
    case "session.updated":
      return [readSession(fields(event.session))];
    case "input_audio_buffer.speech_started":
      return [{ kind: "speech", item_id, speaking: true }];
    case "input_audio_buffer.speech_stopped":
      return [{ kind: "speech", item_id, speaking: false }];
    case "input_audio_buffer.cleared":
      return [{ kind: "unsaid" }];
    case "input_audio_buffer.committed":
      return [{ kind: "place", item_id, after: nullable(event.previous_item_id) }];
    case "conversation.item.added":
    case "conversation.item.created":
      return readItem(fields(event.item), { after: nullable(event.previous_item_id) });
    case "conversation.item.done":
    case "conversation.item.retrieved":
      return readItem(fields(event.item), {});
    case "response.output_item.added":
    case "response.output_item.done":
      return readItem(fields(event.item), { response_id });
    case "conversation.item.input_audio_transcription.delta":
      return [{ kind: "transcript", item_id, delta: text(event.delta) }];
    case "conversation.item.input_audio_transcription.completed":
      return [{ kind: "transcript", item_id, text: text(event.transcript) }];
    case "conversation.item.input_audio_transcription.failed":
      return [{ kind: "transcript", item_id, failed: text(fields(event.error).message) || "transcription failed" }];
    case "response.output_audio_transcript.delta":
      return [{ kind: "said", item_id, response_id, written: false, delta: text(event.delta) }];
    case "response.output_text.delta":
      return [{ kind: "said", item_id, response_id, written: true, delta: text(event.delta) }];
    case "response.output_audio_transcript.done":
      return [{ kind: "said", item_id, response_id, written: false, text: text(event.transcript) }];
    case "response.output_text.done":
      return [{ kind: "said", item_id, response_id, written: true, text: text(event.text) }];
    case "response.created":
    case "response.done":
      return readResponse(fields(event.response), event.type === "response.created");
    case "output_audio_buffer.started":
      return [{ kind: "audio", phase: "started", response_id }];
    case "output_audio_buffer.stopped":
      return [{ kind: "audio", phase: "stopped", response_id }];
    case "output_audio_buffer.cleared":
      return [{ kind: "audio", phase: "cleared", response_id }];
    case "conversation.item.truncated":
      return [{ kind: "truncated", item_id, audio_end_ms: number(event.audio_end_ms) ?? 0 }];
    case "conversation.item.deleted":
      return [{ kind: "deleted", item_id }];
    case "mcp_list_tools.failed":
      return [readError("tool", { message: "A remote MCP server's tools could not be listed.", code: item_id })];
    case "error":
      return [readError("server", fields(event.error))];
    default:
      return [];
  }
}

function readNote(note: Fields): Change[] {
  switch (note.type) {
    case "rtc.state":
      return [{ kind: "state", state: text(note.state) as CallState, call: number(note.call) ?? 0, fields: note }];
    case "rtc.mute":
      return [{ kind: "mute", muted: note.muted === true }];
    case "rtc.play":
      return [{ kind: "play", what: text(note.what), playing: note.phase === "started" }];
    case "rtc.recording":
      return [{ kind: "recording", on: note.phase === "started" }];
    case "rtc.quality":
      return [{ kind: "quality", what: text(note.what), value: number(note.value) ?? 0, bad: note.phase === "bad" }];
    case "rtc.tool":
      return note.phase === "finished"
        ? [
            {
              kind: "output",
              tool_call_id: text(note.tool_call_id),
              output: nullable(note.output),
              error: nullable(note.error),
              run_ms: number(note.run_ms),
            },
          ]
        : [];
    case "rtc.approval":
      return [
        {
          kind: "approval",
          tool_call_id: text(note.tool_call_id),
          decision: text(note.decision),
          reason: text(note.reason),
        },
      ];
    case "rtc.error":
      // A tool's own row says how its run failed; other things may go wrong around it.
      return note.source === "tool" && note.param !== undefined ? [] : [readError(text(note.source), note)];
    default:
      return [];
  }
}

/** Read an `rtc.error` note or the body of a server's `error`. */
function readError(source: string, error: Fields): Change {
  const message = text(error.message) || "an error without a message";
  return { kind: "error", source, message, code: text(error.code), advice: text(error.advice) };
}

function readSession(session: Fields): Change {
  const input = fields(fields(session.audio).input);
  const detection = fields(input.turn_detection);
  const silence_ms = detection.type === "server_vad" ? number(detection.silence_duration_ms) : null;
  // Only null says that the user ends a turn by hand; a field that is not there says nothing.
  const by_hand = input.turn_detection === null;
  return { kind: "session", silence_ms, transcription: isFields(input.transcription), by_hand };
}

function readResponse(response: Fields, running: boolean): Change[] {
  const response_id = text(response.id);
  const details = fields(response.status_details);
  const items = list(response.output).flatMap((item) => readItem(fields(item), { response_id }));
  return [
    {
      kind: "response",
      response_id,
      running,
      in_conversation: response.conversation_id !== null,
      status: text(response.status),
      reason: text(fields(details.error).message) || text(details.reason),
      audio_tokens: number(fields(fields(response.usage).output_token_details).audio_tokens) ?? 0,
    },
    ...items,
  ];
}

function readItem(item: Fields, place: { after?: string | null; response_id?: string }): Change[] {
  const item_id = text(item.id);
  if (item_id === "") {
    return [];
  }
  const base = { item_id, ...place, text: null, done: item.status !== "in_progress", spoken: false, hidden: false };
  switch (item.type) {
    case "message": {
      const parts = list(item.content).map(fields);
      const role = item.role === "user" || item.role === "system" ? item.role : "assistant";
      const spoken = parts.some((part) => part.type === "input_audio");
      return [{ kind: "item", item: { ...base, role, spoken, text: contentText(parts) } }];
    }
    case "function_call":
    case "mcp_call": {
      const tool = {
        tool_call_id: text(item.call_id) || item_id,
        name: text(item.name),
        arguments: text(item.arguments),
        output: nullable(item.output),
        error: nullable(item.error) ?? nullable(fields(item.error).message),
      };
      return [{ kind: "item", item: { ...base, role: "tool", tool } }];
    }
    case "mcp_approval_request": {
      const named = { name: text(item.name), arguments: text(item.arguments), output: null, error: null };
      return [
        { kind: "item", item: { ...base, role: "tool", tool: { tool_call_id: item_id, ...named }, request: true } },
      ];
    }
    case "function_call_output":
      return [{ kind: "item", item: { ...base, role: "tool", hidden: true } }, output(item)];
    default:
      return [{ kind: "item", item: { ...base, role: "tool", hidden: true } }];
  }
}

/** The words of a message; null as long as no part has any. */
function contentText(parts: Fields[]): string | null {
  const words = parts.map((part) =>
    part.type === "input_image" ? "[picture]" : (nullable(part.transcript) ?? nullable(part.text)),
  );
  const known = words.filter((word) => word !== null);
  return known.length > 0 ? known.join(" ") : null;
}

function output(item: Fields): Change {
  return { kind: "output", tool_call_id: text(item.call_id), output: text(item.output), error: null, run_ms: null };
}
