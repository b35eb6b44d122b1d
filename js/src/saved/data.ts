/** What a saved page carries; `rtc_widget/_saved_page.py` writes it, same names. */

import type { Fields, LogRecord, PanelConfig } from "../messages";

export interface SavedSound {
  piece_ms: number;
  /** Compressed files in base64, one after the other, each `piece_ms` long: the user left, the agent right. */
  pieces: readonly string[];
  /** Where a turn is heard: track (0: user, 1: agent), begin and end in ms, by the id of its item. */
  items: Readonly<Record<string, readonly [track: number, start_ms: number, end_ms: number]>>;
}

export interface Saved {
  config: PanelConfig;
  records: readonly LogRecord[];
  picture: Fields;
  /** Waveforms of both sides in base64; none where nothing was recorded. */
  peaks: readonly string[];
  sound: SavedSound | null;
  code: { widget: string; waves: string };
}

export function bytesOf(base64: string): ArrayBuffer {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) {
    bytes[place] = text.charCodeAt(place);
  }
  return bytes.buffer;
}
