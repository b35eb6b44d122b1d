/** Records as a file on the user's own disk, for when there is no kernel to take them. */

import { parseEvent, type WireRecord } from "./messages";

/** Offer records as a download: JSON Lines, as rtc.load and the `rest` of rtc.resume read them. */
export function saveRecords(records: readonly WireRecord[]): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(records.map(asLine), { type: "application/x-ndjson" }));
  link.download = `rtc_widget-${new Date().toISOString().replace(/[:.]/g, "-")}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers fetch it only after the click
}

/** One record as a line; its event as it came, or as a string where it would not fit into a line of JSON. */
export function asLine([direction, t_browser_ms, text]: WireRecord): string {
  const head = `{"direction":${JSON.stringify(direction)},"t_browser_ms":${t_browser_ms}`;
  const plain = !/[\n\r]/.test(text) && Object.keys(parseEvent(text)).length > 0;
  return plain ? `${head},"event":${text}}\n` : `${head},"text":${JSON.stringify(text)}}\n`;
}
