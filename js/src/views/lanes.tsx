/** What lies over and under the waveforms: the axis, responses, tools, interruptions, notes, and how long a turn took. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { NoteMark, Picture, Stretch, TurnMark } from "../timeline";
import { callText, tookText } from "../words";
import { type Sight, WAVE_PX } from "./use_waves";

/** A part of the picture that somebody pointed at. */
export interface Found {
  key: string;
  t_ms: number;
  what: string;
  words: string;
  /** The item or response it belongs to; "" for a moment between them. */
  id: string;
  turn: number | null;
  /** The note that it is, if it is one. */
  note?: NoteMark;
}

const AXIS_PX = 22;
const LANE_PX = 26;
const STRIP_PX = 4;
const NEAREST_TICK_PX = 72;
const TICKS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600];
const LEAST_PX = 4;
/** About as wide as a character of a latency is, and the space between two. */
const LABEL_PX = 7;

/** Where each lane is, and what it is called here; the two sides are strips under their waves. */
const LANES: Record<string, { name: string; who: string; top: number; height: number }> = {
  "user speech": { name: "you", who: "you", top: AXIS_PX, height: STRIP_PX },
  "agent audio": { name: "agent", who: "agent", top: AXIS_PX + 2 * WAVE_PX, height: STRIP_PX },
  responses: { name: "responses", who: "agent", top: AXIS_PX + 2 * WAVE_PX + 26, height: 12 },
  "tool calls": { name: "tools", who: "tool", top: AXIS_PX + 2 * WAVE_PX + 26 + LANE_PX, height: 12 },
  interruptions: { name: "interruptions", who: "cut", top: AXIS_PX + 2 * WAVE_PX + 26 + 2 * LANE_PX, height: 12 },
};
/** The names of the two sides stand at their waves, not above their strips. */
const NAME_TOP: Record<string, number> = { you: AXIS_PX + 6, agent: AXIS_PX + WAVE_PX + 3 };
const NOTES_TOP = AXIS_PX + 2 * WAVE_PX + 26 + 3 * LANE_PX;
export const PICTURE_PX = NOTES_TOP + 22;

interface LanesProps {
  picture: Picture;
  sight: Sight;
  place_ms: ReadonlySignal<number>;
  /** Where two calls on one axis are aligned. */
  aligned_ms: number | null;
  found: Signal<Found | null>;
}

export function Lanes({ picture, sight, place_ms, aligned_ms, found }: LanesProps) {
  const start_ms = sight.start_ms.value;
  const px_per_s = sight.px_per_s.value;
  const width_px = sight.width_px.value;
  const end_ms = start_ms + (width_px / px_per_s) * 1000;
  const x = (t_ms: number) => ((t_ms - start_ms) / 1000) * px_per_s;
  const inSight = (from_ms: number, to_ms: number) => to_ms >= start_ms && from_ms <= end_ms;
  const point = (what: Found) => {
    found.value = what;
  };
  return (
    <div class="rtcw-lanes" style={{ height: `${PICTURE_PX}px` }}>
      <Axis zero_ms={aligned_ms ?? 0} start_ms={start_ms} end_ms={end_ms} px_per_s={px_per_s} x={x} />
      {aligned_ms !== null && inSight(aligned_ms, aligned_ms) && (
        <div
          class="rtcw-aligned"
          title="the end of what the user said"
          style={{ transform: `translateX(${x(aligned_ms)}px)` }}
        />
      )}
      {Object.values(LANES).map(({ name, who, top }) => (
        <span key={name} class="rtcw-lane-name" data-who={who} style={{ top: `${NAME_TOP[name] ?? top - 15}px` }}>
          {name}
        </span>
      ))}
      <span class="rtcw-lane-name" style={{ top: `${NOTES_TOP - 15}px` }}>
        notes
      </span>
      {picture.stretches
        .filter(({ t_start_ms, t_end_ms }) => inSight(t_start_ms, t_end_ms))
        .map((stretch) => (
          <Bar key={keyOf(stretch)} stretch={stretch} x={x} found={found.value} point={point} />
        ))}
      {labelled(picture.turns.flatMap(latencyOf), x)
        .filter(({ from_ms, latency_ms }) => inSight(from_ms, from_ms + latency_ms))
        .map((latency) => (
          <Bracket key={latency.turn.turn} latency={latency} x={x} found={found.value} point={point} />
        ))}
      {apart(
        picture.notes.filter(({ t_ms }) => inSight(t_ms, t_ms)),
        x,
      ).map((note) => (
        <NoteDot key={note.seq} note={note} x={x} found={found.value} point={point} />
      ))}
      <Cursor place_ms={place_ms} sight={sight} />
    </div>
  );
}

/** Where it plays; it moves many times a second, and nothing else with it. */
function Cursor({ place_ms, sight }: { place_ms: ReadonlySignal<number>; sight: Sight }) {
  const px = ((place_ms.value - sight.start_ms.value) / 1000) * sight.px_per_s.value;
  return px < 0 || px > sight.width_px.value ? null : (
    <div class="rtcw-cursor" style={{ transform: `translateX(${px}px)` }} />
  );
}

/** Leave out notes that would lie on one another: thousands of buttons tell no more, and zooming in does. */
function apart(notes: readonly NoteMark[], x: (t_ms: number) => number): NoteMark[] {
  let free_px = Number.NEGATIVE_INFINITY;
  return notes.filter(({ type, t_ms }) => {
    const apart = x(t_ms) >= free_px;
    free_px = apart ? x(t_ms) + LEAST_PX : free_px;
    return apart || type === "rtc.error";
  });
}

interface AxisProps {
  /** The instant that the axis counts from. */
  zero_ms: number;
  start_ms: number;
  end_ms: number;
  px_per_s: number;
  x(t_ms: number): number;
}

function Axis({ zero_ms, start_ms, end_ms, px_per_s, x }: AxisProps) {
  const step_s = TICKS_S.find((step) => step * px_per_s >= NEAREST_TICK_PX) ?? 7200;
  const ticks: number[] = [];
  for (let tick = Math.ceil((start_ms - zero_ms) / 1000 / step_s); zero_ms + tick * step_s * 1000 <= end_ms; tick++) {
    ticks.push(tick * step_s);
  }
  return (
    <>
      {ticks.map((t_s) => (
        <span key={t_s} class="rtcw-tick" style={{ transform: `translateX(${x(zero_ms + t_s * 1000)}px)` }}>
          {t_s < 0 && "−"}
          {Math.abs(t_s) < 60 ? `${Math.round(Math.abs(t_s) * 10) / 10} s` : callText(Math.abs(t_s) * 1000)}
        </span>
      ))}
    </>
  );
}

interface PartProps {
  x(t_ms: number): number;
  found: Found | null;
  point(what: Found): void;
}

function Bar({ stretch, x, found, point }: PartProps & { stretch: Stretch }) {
  const lane = LANES[stretch.lane];
  if (lane === undefined) {
    return null;
  }
  const { t_start_ms, t_end_ms, turn, id, status } = stretch;
  const key = keyOf(stretch);
  const words = [stretch.words ?? "", status !== null && status !== "completed" ? `(${status})` : ""];
  const what = { key, t_ms: t_start_ms, what: lane.name, words: words.join(" ").trim(), id, turn };
  return (
    <button
      type="button"
      class="rtcw-bar-part"
      data-who={lane.who}
      data-waits={status === "asked" || status === "rejected"}
      data-found={found?.key === key}
      aria-label={`${lane.name}, ${callText(t_start_ms)}: ${what.words}`}
      title={what.words}
      style={{
        top: `${lane.top}px`,
        height: `${lane.height}px`,
        left: `${x(t_start_ms)}px`,
        width: `${Math.max(LEAST_PX, x(t_end_ms) - x(t_start_ms))}px`,
      }}
      onClick={() => point(what)}
    />
  );
}

/** How long a turn took: heard where it was recorded, else inferred, which its sign says. */
interface Latency {
  turn: TurnMark;
  heard: boolean;
  from_ms: number;
  latency_ms: number;
  text: string;
}

function latencyOf(turn: TurnMark): Latency[] {
  const heard = turn.latency_heard_ms !== null;
  const latency_ms = heard ? turn.latency_heard_ms : turn.latency_inferred_ms;
  const from_ms = heard ? turn.t_speech_end_ms : turn.t_input_end_ms;
  return latency_ms === null || from_ms === null
    ? []
    : [{ turn, heard, from_ms, latency_ms, text: `${heard ? "" : "≈ "}${tookText(latency_ms)}` }];
}

/** Leave the label out that would lie over the one before: the bracket still says it. */
function labelled(latencies: Latency[], x: PartProps["x"]): (Latency & { label: boolean })[] {
  let free_px = Number.NEGATIVE_INFINITY;
  return latencies.map((latency) => {
    const left_px = x(latency.from_ms);
    const label = left_px >= free_px;
    free_px = label ? left_px + (latency.text.length + 1) * LABEL_PX : free_px;
    return { ...latency, label };
  });
}

function Bracket({ latency, x, found, point }: PartProps & { latency: Latency & { label: boolean } }) {
  const { turn, heard, from_ms, latency_ms, text, label } = latency;
  const inferred = turn.latency_inferred_ms === null ? "" : `, inferred ≈ ${tookText(turn.latency_inferred_ms)}`;
  const key = `latency ${turn.turn}`;
  const what = {
    key,
    t_ms: from_ms,
    what: "latency",
    words: heard ? `heard ${text}${inferred}` : `inferred ${text}`,
    id: turn.item_id ?? "",
    turn: turn.turn,
  };
  return (
    <button
      type="button"
      class="rtcw-bracket"
      data-heard={heard}
      data-found={found?.key === key}
      title={what.words}
      aria-label={`latency of turn ${turn.turn + 1}: ${what.words}`}
      style={{
        top: `${AXIS_PX + WAVE_PX - 16}px`,
        left: `${x(from_ms)}px`,
        width: `${Math.max(2, x(from_ms + latency_ms) - x(from_ms))}px`,
      }}
      onClick={() => point(what)}
    >
      {heard && turn.t_input_end_ms !== null && turn.latency_inferred_ms !== null && (
        <i
          style={{
            left: `${x(turn.t_input_end_ms) - x(from_ms)}px`,
            width: `${x(turn.t_input_end_ms + turn.latency_inferred_ms) - x(turn.t_input_end_ms)}px`,
          }}
        />
      )}
      {label && <span>{text}</span>}
    </button>
  );
}

function NoteDot({ note, x, found, point }: PartProps & { note: NoteMark }) {
  const key = `note ${note.seq}`;
  const what = { key, t_ms: note.t_ms, what: note.type, words: note.words, id: "", turn: null, note };
  return (
    <button
      type="button"
      class="rtcw-dot-part"
      data-failed={note.type === "rtc.error"}
      data-found={found?.key === key}
      title={`${note.type} ${note.words}`}
      aria-label={`${note.type}, ${callText(note.t_ms)}: ${note.words}`}
      style={{ top: `${NOTES_TOP + 2}px`, left: `${x(note.t_ms)}px` }}
      onClick={() => point(what)}
    />
  );
}

function keyOf({ lane, id, t_start_ms }: Stretch): string {
  return `${lane} ${id} ${t_start_ms}`;
}
