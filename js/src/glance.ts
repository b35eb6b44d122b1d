/** What a line of the log says beside its type: the one thing that matters, and the names that lead elsewhere. */

import { type Fields, isFields, parseEvent } from "./messages";

const LONGEST = 60;

const fields = (value: unknown): Fields => (isFields(value) ? value : {});
const word = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(Math.round(value * 1000) / 1000) : "";

/** Tell whether an event says that something went wrong. */
export function isError(event: Fields): boolean {
  const { type } = event;
  return (
    type === "error" ||
    type === "rtc.error" ||
    (typeof type === "string" && type.endsWith(".failed")) ||
    fields(event.response).status === "failed" ||
    (type === "rtc.state" && event.state === "failed") ||
    (type === "rtc.tool" && typeof event.error === "string")
  );
}

/** The one thing that matters of an event, in a word or a few. */
export function glance(type: string, text: string): string {
  const event = parseEvent(text);
  const found = type.startsWith("rtc.") ? ofNote(event) : ofEvent(event);
  const line = found.replace(/\s+/g, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/** An id as far as an eye compares it. */
function brief(id: unknown): string {
  const whole = word(id);
  return whole.length > 10 ? `${whole.slice(0, 9)}…` : whole;
}

function ofEvent(event: Fields): string {
  const [item, response, error] = [fields(event.item), fields(event.response), fields(event.error)];
  if (error.message !== undefined) {
    return word(error.message);
  }
  for (const name of ["delta", "transcript", "text", "name"] as const) {
    if (typeof event[name] === "string" && event[name] !== "") {
      return word(event[name]);
    }
  }
  for (const name of ["audio_start_ms", "audio_end_ms"] as const) {
    if (event[name] !== undefined) {
      return `${name} ${word(event[name])}`;
    }
  }
  if (event.item !== undefined) {
    return word(item.name) || word(item.role) || word(item.type);
  }
  if (event.response !== undefined) {
    const reason = word(fields(response.status_details).reason);
    const status = response.status === "in_progress" ? "" : word(response.status);
    return [status, reason].filter((part) => part !== "").join(": ") || brief(response.id);
  }
  if (event.session !== undefined) {
    return Object.keys(fields(event.session)).length > 4 ? word(fields(event.session).model) : changed(event.session);
  }
  return word(fields(event.part).type) || brief(event.item_id) || brief(event.response_id);
}

function changed(session: unknown): string {
  return Object.keys(fields(session))
    .filter((name) => name !== "type")
    .join(", ");
}

function ofNote(note: Fields): string {
  switch (note.type) {
    case "rtc.state":
      return [word(note.state), word(note.reason)].filter((part) => part !== "").join(": ");
    case "rtc.tool":
      return [word(note.name), word(note.phase)].filter((part) => part !== "").join(" ");
    case "rtc.mute":
      return note.muted === true ? "muted" : "unmuted";
    case "rtc.config":
      return `v${word(note.version)}${note.variant ? ` “${word(note.variant)}”` : ""}`;
    default:
      return word(note.message) || word(note.reason) || word(note.decision) || word(note.outcome) || word(note.phase);
  }
}

/** The ids by which an event belongs to what the transcript shows, the nearest first. */
export function idsOf(text: string): string[] {
  const event = parseEvent(text);
  const [item, response] = [fields(event.item), fields(event.response)];
  const output = Array.isArray(response.output) ? response.output.map((part) => fields(part).id) : [];
  const named = [event.item_id, item.id, event.tool_call_id, item.call_id, ...output, event.response_id, response.id];
  return named.filter((id): id is string => typeof id === "string" && id !== "");
}
