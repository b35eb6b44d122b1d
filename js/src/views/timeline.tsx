/** The Timeline tab: both sides as they sounded, and beneath them what went on; every part of it leads somewhere. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Instance } from "../instance";
import type { Stretch } from "../timeline";
import type { View } from "../view";
import { callText, clockText, waitingText } from "../words";
import { type Found, Lanes } from "./lanes";
import { useWaves } from "./use_waves";

/** A picture of a live call is drawn anew this often. */
const LIVE_EVERY_MS = 2000;
const STEP_MS = 1000;
const ZOOM = 1.6;
const MOST_PX_PER_S = 400;

interface TimelineViewProps {
  instance: Instance;
  view: View;
}

export function TimelineView({ instance, view }: TimelineViewProps) {
  const { timeline, pieces, store } = instance;
  const { place_ms } = pieces;
  const state = store.activity.state.value;
  const found = useSignal<Found | null>(null);
  const area = useRef<HTMLDivElement>(null);

  useEffect(() => {
    void timeline.load();
    const timer =
      state === "live" && store.config.peek()?.replay == null
        ? setInterval(() => void timeline.load(), LIVE_EVERY_MS)
        : undefined;
    return () => clearInterval(timer);
  }, [timeline, state, store]);

  const picture = timeline.picture.value;
  const recorded = (picture?.peaks[0].length ?? 0) > 0;
  const end_ms = picture?.duration_ms ?? 0;
  const aligned_ms = store.config.value?.replay?.aligned_ms ?? null;
  /** A recording has its player above all tabs. */
  const replayed = store.config.value?.replay != null;
  const playable = recorded || replayed;
  const go = (t_ms: number) => pieces.go(Math.max(0, Math.min(end_ms, t_ms)), end_ms);
  const sight = useWaves(instance, area, go);
  const playing = pieces.playing.value;

  useEffect(() => (playing ? place_ms.subscribe(sight.keepInSight) : undefined), [playing, place_ms, sight]);

  if (picture === null) {
    return <p class="rtcw-nothing">{timeline.problem.value || waitingText(store.kernel.value)}</p>;
  }
  const toggle = () => {
    if (playing) {
      pieces.stop();
    } else if (playable) {
      found.value = null;
      pieces.play(place_ms.peek() >= end_ms ? 0 : place_ms.peek(), end_ms);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowLeft: place_ms.peek() - STEP_MS,
      ArrowRight: place_ms.peek() + STEP_MS,
      Home: 0,
      End: end_ms,
    };
    const to_ms = steps[event.key];
    if (to_ms !== undefined) {
      go(to_ms);
      sight.keepInSight(to_ms);
    } else if (event.key === " " || event.key === "Enter") {
      toggle();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <div class="rtcw-tools">
        {!replayed && (
          <>
            <button type="button" disabled={!playable} onClick={toggle}>
              {playing ? "Pause" : "Play"}
            </button>
            <Place place_ms={place_ms} end_ms={end_ms} />
          </>
        )}
        <span class="rtcw-spring" />
        <button type="button" aria-label="Zoom out" onClick={() => sight.zoom(1 / ZOOM)}>
          −
        </button>
        <button
          type="button"
          aria-label="Zoom in"
          disabled={sight.px_per_s.value >= MOST_PX_PER_S}
          onClick={() => sight.zoom(ZOOM)}
        >
          +
        </button>
        <button type="button" onClick={sight.fit}>
          Fit
        </button>
      </div>
      <div class="rtcw-picture" ref={area}>
        <Slider place_ms={place_ms} end_ms={end_ms} onKeyDown={onKeyDown} />
        <Lanes picture={picture} sight={sight} place_ms={place_ms} aligned_ms={aligned_ms} found={found} />
      </div>
      <Caption
        instance={instance}
        view={view}
        found={found.value}
        recorded={recorded}
        playing={playing}
        place_ms={place_ms}
        hear={(t_ms) => {
          found.value = null;
          pieces.play(t_ms, end_ms);
        }}
      />
      {(pieces.problem.value || sight.problem.value || timeline.problem.value) !== "" && (
        <p class="rtcw-nothing rtcw-problem" role="alert">
          {pieces.problem.value || sight.problem.value || timeline.problem.value}
        </p>
      )}
    </>
  );
}

interface PlaceProps {
  place_ms: ReadonlySignal<number>;
  end_ms: number;
}

function Place({ place_ms, end_ms }: PlaceProps) {
  return (
    <span class="rtcw-aside rtcw-place" title="since the session's first record">
      {clockText(place_ms.value)} of {callText(end_ms)}
    </span>
  );
}

/** Where the waves are drawn. */
function Slider({ place_ms, end_ms, onKeyDown }: PlaceProps & { onKeyDown(event: KeyboardEvent): void }) {
  return (
    <div
      class="rtcw-waves"
      role="slider"
      aria-label="Place in the recording"
      aria-valuemax={Math.round(end_ms / 1000)}
      aria-valuenow={Math.round(place_ms.value / 1000)}
      aria-valuetext={clockText(place_ms.value)}
      tabIndex={0}
      onKeyDown={onKeyDown}
    />
  );
}

interface CaptionProps {
  instance: Instance;
  view: View;
  found: Found | null;
  recorded: boolean;
  playing: boolean;
  place_ms: ReadonlySignal<number>;
  hear(t_ms: number): void;
}

/** What was pointed at, in words, and the ways from it. */
function Caption({ instance, view, found, recorded, playing, place_ms, hear }: CaptionProps) {
  const picture = instance.timeline.picture.value;
  const said = playing && found === null ? saidAt(picture?.stretches ?? [], place_ms.value) : null;
  if (said !== null) {
    return (
      <p class="rtcw-caption">
        <span class="rtcw-caption-words" dir="auto">
          ▶ {clockText(place_ms.value)} {said}
        </span>
      </p>
    );
  }
  if (found === null) {
    const hint = recorded
      ? "Point at a part to see what it is; play from anywhere."
      : "Nothing is recorded: with record=True both sides are drawn and can be heard.";
    return <p class="rtcw-caption rtcw-aside">{hint}</p>;
  }
  const ids = [found.id, ...idsOfTurn(picture?.stretches ?? [], found)].filter((id) => id !== "");
  return (
    <div class="rtcw-caption">
      <span class="rtcw-caption-words" dir="auto">
        <span class="rtcw-aside">
          {clockText(found.t_ms)} {found.what}
        </span>{" "}
        {found.words}
      </span>
      {recorded && (
        <button type="button" class="rtcw-quiet" onClick={() => hear(found.t_ms)}>
          Hear from here
        </button>
      )}
      {ids.length > 0 && (
        <button type="button" class="rtcw-quiet" onClick={() => view.showRowOf(ids)}>
          In the transcript
        </button>
      )}
      <button type="button" class="rtcw-quiet" onClick={() => showEvents(view, found)}>
        Its events
      </button>
    </div>
  );
}

function showEvents(view: View, { note, id, t_ms }: Found): void {
  if (note !== undefined) {
    view.showNote(note);
  } else if (id !== "") {
    view.showEventOf([id]);
  } else {
    view.showEventAt(t_ms);
  }
}

/** Whose words sound at an instant; null while nobody speaks. */
function saidAt(stretches: readonly Stretch[], t_ms: number): string | null {
  const at = [...stretches]
    .reverse()
    .find(
      ({ lane, t_start_ms, t_end_ms }) =>
        (lane === "user speech" || lane === "agent audio") && t_start_ms <= t_ms && t_ms < t_end_ms,
    );
  return at === undefined ? null : `${at.lane === "user speech" ? "you" : "agent"}: “${at.words ?? "…"}”`;
}

/** The other ids of a turn: a response leads to its row, and that failing to the turn's. */
function idsOfTurn(stretches: readonly Stretch[], { turn }: Found): string[] {
  return turn === null ? [] : stretches.filter((each) => each.turn === turn).map(({ id }) => id);
}
