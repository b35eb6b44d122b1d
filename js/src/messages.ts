/**
 * The messages of the relay, browser end; `rtc_widget/transports/messages.py` is the other end, same names, same order.
 *
 * Every message has `kind` and `page`, the random id of one `initialize`. A message of the kernel goes to every
 * front end; one whose `page` is not its own a front end ignores.
 */

export type Direction = "client" | "server" | "local";

/** A record as the browser numbers it: direction, browser clock in ms, text of the event or note. */
export type WireRecord = [direction: Direction, t_browser_ms: number, text: string];

/** A record as the kernel's event log has it; `t_ms` counts from the session's first record. */
export type LogRecord = [seq: number, direction: Direction, t_ms: number | null, text: string];

/** A JSON object whose fields nobody has checked yet. */
export type Fields = Record<string, unknown>;

/** The steps of a call that can fail. */
export type Step = "page" | "sandbox" | "microphone" | "secret" | "offer" | "answer" | "ice" | "channel";

/** The states of a call. */
export type CallState = "idle" | "microphone" | "connecting" | "live" | "failed" | "ended";

/** An error as it travels in a reply. */
export interface RelayError {
  name: string;
  message: string;
  step?: Step | null;
  advice?: string | null;
}

/** What the panel shows of a recording that it replays. */
export interface ReplayConfig {
  name: string;
  duration_ms: number;
  /** A place that is marked: where two calls on one axis are aligned. */
  aligned_ms: number | null;
}

/** What the panel shows of the session and needs for a call; nothing in it is secret. */
export interface PanelConfig {
  provider: string;
  sandbox: boolean;
  model: string;
  voice: string;
  signaling: "ephemeral" | "kernel";
  microphone: string;
  prompt_version: number;
  variant: string | null;
  transcription: boolean;
  /** Whether it answers what it hears; a transcription session only writes it down. */
  answers: boolean;
  calls_url: string;
  loopback: boolean;
  record: boolean;
  /** What was billed so far; null where nothing was, or its price is not known. */
  cost_usd: number | null;
  /** Since the session's first record, when this was sent, in ms; null before it. */
  elapsed_ms: number | null;
  /** null for a live session. */
  replay: ReplayConfig | null;
}

// -- browser → kernel -------------------------------------------------------------------------------------------

export interface Hello {
  kind: "hello";
  page: string;
  next: number;
  oldest: number;
  live: boolean;
  views: number;
}

export interface Records {
  kind: "records";
  page: string;
  first: number;
  records: WireRecord[];
}

/** A stretch of both tracks: its place since this call's recorder began and its length, in samples at 24 kHz. */
export interface AudioChunk {
  frame: number;
  frames: number;
  /** When its first sample was heard, by the browser's clock. */
  t_browser_ms: number;
  /** Samples that the browser lost before it, where it did. */
  lost_frames?: number;
}

/** Chunks of sound; its buffers are mono s16le at 24 kHz: user and agent of the first chunk, of the second, and so on. */
export interface Audio {
  kind: "audio";
  page: string;
  first: number;
  chunks: AudioChunk[];
}

/** What a page may ask of the kernel. */
export type Method =
  | "secret"
  | "answer"
  | "tail"
  | "say"
  | "add_image"
  | "approve"
  | "as_python"
  | "ask_again"
  | "find"
  | "keep"
  | "module"
  | "play"
  | "session"
  | "sound"
  | "timeline"
  | "turns"
  | "update"
  | "variants";

/** A request; its buffers travel beside it. */
export interface Request {
  kind: "request";
  page: string;
  id: string;
  method: Method;
  params: Fields;
}

/** An answer. The page's says how many `records` it had numbered by then: they come first. */
export type Reply = { kind: "reply"; page: string; id: string; records?: number } & (
  | { ok: true; result: Fields }
  | { ok: false; error: RelayError }
);

export interface Pong {
  kind: "pong";
  page: string;
  id: string;
  t_browser_ms: number;
}

export type BrowserMessage = Hello | Records | Audio | Request | Reply | Pong;

// -- kernel → browser -------------------------------------------------------------------------------------------

export interface Welcome {
  kind: "welcome";
  page: string;
  /** Records from this number on are wanted; `missing`: some before what came last did not come. */
  received: number;
  missing: boolean;
  durable: number;
  owner: string | null;
  config: PanelConfig;
  length: number;
  /** Which end of the relay this is: another one answers after a restart. */
  end: string;
}

export interface Ack {
  kind: "ack";
  page: string;
  received: number;
  durable: number;
}

export interface AudioAck {
  kind: "audio_ack";
  page: string;
  received: number;
  durable: number;
}

export interface Command {
  kind: "command";
  page: string;
  id: string;
  method: "connect" | "hang_up" | "send" | "mute" | "play" | "stop_play" | "loopback" | "calibrated";
  params: Fields;
}

export interface Ping {
  kind: "ping";
  page: string;
  id: string;
}

export interface Tail {
  kind: "tail";
  page: string;
  records: LogRecord[];
}

/** A note of the kernel's own, for the page whose records are its own: an error, a tool's run, an approval. */
export interface Note {
  kind: "note";
  page: string;
  text: string;
}

export interface Config {
  kind: "config";
  page: string;
  config: PanelConfig;
}

export type KernelMessage = Welcome | Ack | AudioAck | Command | Reply | Ping | Tail | Note | Config;

const KERNEL_KINDS = new Set(["welcome", "ack", "audio_ack", "command", "reply", "ping", "tail", "note", "config"]);
const EVERY_PAGE = "*";

/** Tell whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return a custom message as the kernel's, or null when it is for another page or none of ours. */
export function readKernelMessage(value: unknown, page: string): KernelMessage | null {
  if (!isFields(value) || !KERNEL_KINDS.has(String(value.kind))) {
    return null;
  }
  if (value.page !== page && value.page !== EVERY_PAGE) {
    return null;
  }
  // The two ends of the relay are built and shipped together: beyond kind and page nothing is checked again.
  return value as unknown as KernelMessage;
}

/** Parse the text of an event; anything but a JSON object is an event without fields. */
export function parseEvent(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : {};
  } catch {
    return {};
  }
}

/** Return a random id; works on plain http, where `crypto.randomUUID` is missing. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The browser's clock of every record: epoch ms, with the steadiness of `performance.now`. */
export function browserTimeMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Turn a reading of `Date.now` into the clock of every record. */
export function browserTimeOf(date_ms: number): number {
  return date_ms + browserTimeMs() - Date.now();
}
