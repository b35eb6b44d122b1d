/** The words of a row: what an entry of the transcript shows, from what is known of it. */

import { type Signal, signal } from "@preact/signals";
import type { ItemFields } from "./dialect";
import { callText, tookText } from "./words";

export type Speaker = "you" | "agent" | "tool" | "system" | "call" | "error";

/** One row as the panel shows it. */
export interface Row {
  key: string;
  who: Speaker;
  /** Since the session's first record, in ms: as events and timeline count. */
  at_ms: number;
  text: string;
  /** What was said but not heard. */
  struck: string;
  /** Words about the row where there is no text, or after it. */
  hint: string;
  /** The one number or word that matters, at the right edge, and what it means. */
  edge: string;
  edgeTitle: string;
  /** It is a latency, as events tell it. */
  inferred: boolean;
  /** More is coming. */
  busy: boolean;
  /** The tool call that waits here for a person to allow it; "" when none does. */
  asks: string;
  /** Ids of the item, the tool call and the response that it shows. */
  ids: readonly string[];
  /** It was spoken: where the session is recorded it can be heard again. */
  audible: boolean;
}

/** What the transcript keeps of an item, or of a note between items. */
export interface Entry {
  row: Signal<Row>;
  item_id: string;
  response_id: string;
  hidden: boolean;
  /** Said in writing: nothing of it can be missed by the ear. */
  written: boolean;
  spoken: boolean;
  done: boolean;
  /** All that the deltas said, and the text that the server keeps in the end. */
  said: string;
  kept: string | null;
  /** When it was cut off and how much of it had been played, in ms; null when it was not. */
  cut: { at_ms: number; played_ms: number; measured: boolean } | null;
  /** How long its sound is, from the tokens billed for it; null while nobody has said. */
  sound_ms: number | null;
  latency_ms: number | null;
  /** Why its response ended before it was complete, and what else there is to say; "" when nothing. */
  shortened: string;
  remark: string;
  tool: NonNullable<ItemFields["tool"]> | null;
  /** A remote call's question to a person. */
  request: boolean;
  tool_ms: number | null;
  /** Our kernel ran it, and said how long that took. */
  ran: boolean;
  /** The call ended before it had an output, or had been played. */
  over: boolean;
  /** What a person was asked or said about the call: asked, approved, rejected; "" when nobody was. */
  approval: string;
}

const LONGEST_OUTPUT = 400;
/** Of speech at an everyday pace. */
const MS_PER_CHARACTER = 1000 / 15;

/** Make an entry without words. */
export function newEntry(
  key: string,
  who: Speaker,
  at_ms: number,
  item: { item_id?: string; hidden?: boolean },
): Entry {
  const row = {
    key,
    who,
    at_ms,
    text: "",
    struck: "",
    hint: "",
    edge: "",
    edgeTitle: "",
    inferred: false,
    busy: false,
    asks: "",
    ids: [],
    audible: false,
  };
  return {
    row: signal<Row>(row),
    item_id: item.item_id ?? "",
    response_id: "",
    hidden: item.hidden ?? false,
    written: false,
    spoken: false,
    done: false,
    said: "",
    kept: null,
    cut: null,
    sound_ms: null,
    latency_ms: null,
    shortened: "",
    remark: "",
    tool: null,
    request: false,
    tool_ms: null,
    ran: false,
    over: false,
    approval: "",
  };
}

/** Return the fields of a row that follow from its entry, and from whether the session transcribes what is said to it. */
export function rowWords(entry: Entry, transcribes: boolean): Partial<Row> {
  if (entry.tool !== null) {
    return toolWords(entry, entry.tool);
  }
  return entry.row.value.who === "agent" ? agentWords(entry) : userWords(entry, transcribes);
}

function userWords(entry: Entry, transcribes: boolean): Partial<Row> {
  const text = (entry.kept ?? entry.said).trim();
  const waiting = entry.spoken && entry.kept === null;
  const silent = transcribes ? "…" : "spoken; transcription is off";
  const hint = text !== "" || !waiting ? "" : entry.done ? silent : "speaking…";
  return { text, hint: entry.remark || hint, busy: waiting && transcribes };
}

function agentWords(entry: Entry): Partial<Row> {
  const whole = spokenWords(entry);
  const heard = entry.written ? whole.length : heardLength(entry, whole);
  const row: Partial<Row> = {
    ...splitAt(whole, heard),
    hint: whole === "" && !entry.done ? "…" : "",
    busy: !entry.done && entry.cut === null,
    inferred: false,
  };
  if (entry.cut !== null && !entry.over) {
    row.edge = `interrupted at ${callText(entry.cut.at_ms)}`;
    row.edgeTitle = isCutByServer(entry, whole)
      ? "cut where the server cut it"
      : "where the words were cut is an estimate, from the time played";
  } else if (entry.shortened !== "") {
    row.edge = `cut short: ${entry.shortened}`;
    row.edgeTitle = "the response ended before it was complete";
  } else if (entry.latency_ms !== null) {
    row.edge = `≈ ${tookText(entry.latency_ms)}`;
    row.inferred = true;
    row.edgeTitle = "latency inferred from events: end of your input to the agent's first audio or text";
  }
  return row;
}

/** All that the agent said in an entry, heard or not. */
export function spokenWords({ said, kept }: Entry): string {
  return said.length >= (kept ?? "").length ? said : (kept ?? "");
}

/** How long an entry's sound is: by its tokens, else at an everyday pace. The kernel's `items` say it likewise. */
export function soundLength(entry: Entry): number {
  return entry.sound_ms ?? spokenWords(entry).length * MS_PER_CHARACTER;
}

/** Whether the server holds less of an entry than was said, and so tells what was heard of it. */
function isCutByServer({ kept }: Entry, whole: string): boolean {
  return kept !== null && kept !== "" && kept.length < whole.length && whole.startsWith(kept);
}

/** How many characters were heard: what the server kept, else the words said to their end in the time played. */
function heardLength(entry: Entry, whole: string): number {
  if (isCutByServer(entry, whole)) {
    return entry.kept?.length ?? 0;
  }
  const sound_ms = soundLength(entry);
  if (entry.cut === null || entry.cut.played_ms >= sound_ms) {
    return whole.length;
  }
  const at = Math.floor((whole.length * Math.max(entry.cut.played_ms, 0)) / sound_ms);
  const inAWord = whole.includes(" ") && whole[at] !== " ";
  return inAWord ? Math.max(whole.lastIndexOf(" ", at), 0) : at;
}

/** The words up to there, and those after; the space between them is neither heard nor missed. */
function splitAt(whole: string, heard: number): { text: string; struck: string } {
  const struck = whole.slice(heard).trimStart();
  return { text: whole.slice(0, whole.length - struck.length), struck };
}

function toolWords(entry: Entry, tool: NonNullable<Entry["tool"]>): Partial<Row> {
  const open = tool.error === null && tool.output === null;
  const waiting = open && !entry.over;
  const asked = open && entry.approval === "asked";
  const asks = asked && waiting;
  const meanwhile = entry.request ? "waits for approval" : "running…";
  const never = asked || entry.request ? "not decided: the call ended" : "no output: the call ended";
  return {
    text: `${tool.name}(${argumentsText(tool.arguments)})${resultText(tool)}`,
    hint: asks ? "needs your approval" : waiting && entry.done ? meanwhile : open && entry.over ? never : "",
    asks: asks ? tool.tool_call_id : "",
    busy: waiting,
    edge: entry.tool_ms === null ? "" : tookText(entry.tool_ms),
    edgeTitle: entry.ran ? "how long it ran" : "from the arguments to the result",
  };
}

function resultText({ name, output, error }: NonNullable<Entry["tool"]>): string {
  if (error !== null) {
    const told = `${name} failed: `;
    return ` failed: ${error.startsWith(told) ? error.slice(told.length) : error}`;
  }
  return output === null ? "" : ` → ${visible(shorten(output))}`;
}

/** Arguments as a call reads: `drink="flat white", size="s"`; what is no JSON object stays as it is. */
export function argumentsText(source: string): string {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return Object.entries(value)
        .map(([name, argument]) => `${name}=${visible(JSON.stringify(argument))}`)
        .join(", ");
    }
  } catch {
    // Arguments still on their way, or not JSON at all.
  }
  return visible(source.trim());
}

/** Characters that turn the direction of what follows, written out: no call shall read as another. */
function visible(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, (turn) => `\\u${turn.charCodeAt(0).toString(16)}`);
}

function shorten(output: string): string {
  return output.length > LONGEST_OUTPUT ? `${output.slice(0, LONGEST_OUTPUT)}…` : output;
}
