/** Values and events as the Python that a notebook would take. */

import { isFields } from "./messages";

/** A JSON value as a Python literal, indented. */
export function pythonLiteral(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (Array.isArray(value)) {
    const parts = value.map((part) => `${inner}${pythonLiteral(part, inner)},\n`);
    return parts.length > 0 ? `[\n${parts.join("")}${indent}]` : "[]";
  }
  if (isFields(value)) {
    const parts = Object.entries(value).map(
      ([name, part]) => `${inner}${JSON.stringify(name)}: ${pythonLiteral(part, inner)},\n`,
    );
    return parts.length > 0 ? `{\n${parts.join("")}${indent}}` : "{}";
  }
  if (value === null || value === undefined) {
    return "None";
  }
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

/** The code that sends an event again, or that has it as a value where it was not sent by us. */
export function eventAsPython(direction: string, seq: number | null, event: unknown): string {
  if (direction === "client") {
    return `w.send_event(${pythonLiteral(event)})\n`;
  }
  const literal = `event = ${pythonLiteral(event)}\n`;
  return seq === null ? literal : `# w.event_log[${seq}]\n${literal}`;
}
