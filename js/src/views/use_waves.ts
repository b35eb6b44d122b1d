/** The waveforms in an element, and the stretch of time that is in sight. */

import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { asFailure } from "../exchange";
import type { Instance } from "../instance";
import { pageTheme } from "../theme";
import type { Waves } from "../waves";

export const WAVE_PX = 44;
/** Calls up to this long are shown whole at first; of longer ones the end. */
const WHOLE_MS = 60_000;
const USUAL_PX_PER_S = 24;

export interface Sight {
  start_ms: ReadonlySignal<number>;
  px_per_s: ReadonlySignal<number>;
  width_px: ReadonlySignal<number>;
  problem: ReadonlySignal<string>;
  zoom(factor: number): void;
  fit(): void;
  keepInSight(t_ms: number): void;
}

export function useWaves(instance: Instance, area: RefObject<HTMLElement | null>, go: (t_ms: number) => void): Sight {
  const { timeline, axis, store } = instance;
  const { start_ms } = axis;
  const px_per_s = useSignal(1);
  const width_px = useSignal(0);
  const problem = useSignal("");
  const waves = useRef<Waves | null>(null);
  /** How much is drawn, in ms. */
  const drawn_ms = useRef(0);
  const pointed = useRef(go);
  pointed.current = go;
  const picture = timeline.picture.value;
  const theme = pageTheme().value;
  const ready = picture !== null;

  const sight = useMemo(() => {
    const duration_s = () => (timeline.picture.peek()?.duration_ms ?? 0) / 1000;
    const look = () => {
      const found = waves.current;
      // On its way out it has no width any more, and is scrolled nowhere.
      if (found !== null && drawn_ms.current > 0 && area.current?.clientWidth) {
        px_per_s.value = spread();
        start_ms.value = (found.scrolled() / spread()) * 1000;
        axis.atEnd = found.scrolled() + width_px.peek() * 1.25 > (drawn_ms.current / 1000) * spread();
      }
    };
    const zoomed = () => axis.px_per_s.peek() ?? (duration_s() * 1000 > WHOLE_MS ? USUAL_PX_PER_S : 0);
    const spread = () => Math.max(zoomed(), width_px.peek() / duration_s());
    const setZoom = (next: number, middle_ms: number) => {
      axis.px_per_s.value = next;
      waves.current?.zoom(next);
      look();
      waves.current?.scrollTo((middle_ms / 1000) * px_per_s.peek() - width_px.peek() / 2);
      look();
    };
    return {
      start_ms,
      px_per_s,
      width_px,
      problem,
      look,
      zoomed,
      spread,
      zoom(factor: number) {
        const middle_ms = start_ms.peek() + (width_px.peek() / 2 / px_per_s.peek()) * 1000;
        const fitting = width_px.peek() / Math.max(0.1, duration_s());
        const next = px_per_s.peek() * factor;
        setZoom(next <= fitting ? 0 : next, middle_ms);
      },
      fit: () => setZoom(0, 0),
      keepInSight(t_ms: number) {
        const x = ((t_ms - start_ms.peek()) / 1000) * px_per_s.peek();
        if (x < 0 || x > width_px.peek()) {
          waves.current?.scrollTo((t_ms / 1000) * px_per_s.peek() - width_px.peek() / 8);
          look();
        }
      },
    };
  }, [timeline, axis, area, start_ms, px_per_s, width_px, problem]);

  // Where it goes together with another picture, both show the same stretch.
  useSignalEffect(() => {
    axis.px_per_s.value;
    const from_ms = start_ms.value;
    const found = waves.current;
    if (found !== null && drawn_ms.current > 0) {
      const spread = sight.spread();
      if (spread !== px_per_s.peek()) {
        found.zoom(sight.zoomed());
        px_per_s.value = spread;
      }
      const px = (from_ms / 1000) * spread;
      if (Math.abs(found.scrolled() - px) > 1) {
        found.scrollTo(px);
      }
    }
  });

  useEffect(() => {
    const outer = area.current;
    const container = outer?.querySelector<HTMLElement>(".rtcw-waves");
    if (!ready || outer == null || container == null) {
      return undefined;
    }
    let gone = false;
    const from_ms = start_ms.peek();
    const measure = () => {
      width_px.value = outer.clientWidth;
      sight.look();
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(outer);
    const onWheel = (event: WheelEvent) => {
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && waves.current !== null) {
        event.preventDefault();
        waves.current.scrollTo(waves.current.scrolled() + event.deltaX);
        sight.look();
      }
    };
    outer.addEventListener("wheel", onWheel, { passive: false });
    timeline.waves().then(
      ({ createWaves }) => {
        if (!gone) {
          const made = createWaves(container, {
            colours: coloursOf(outer),
            height_px: WAVE_PX,
            moved: sight.look,
            pointed: (t_s) => pointed.current(t_s * 1000),
          });
          waves.current = made;
          void draw();
        }
      },
      (thrown: unknown) => {
        problem.value = `The waveforms could not be loaded: ${asFailure(thrown).message}`;
      },
    );
    let drawing = 0;
    const draw = async () => {
      const found = timeline.picture.peek();
      const made = waves.current;
      if (made === null || found === null) {
        return;
      }
      const mine = ++drawing;
      const replay = store.config.peek()?.replay ?? null;
      // Where it is now, for it may not be the end of what is longer.
      const follows = axis.atEnd && replay === null;
      const seconds = Math.max(0.1, found.duration_ms / 1000);
      await made.show(
        [cover(found.peaks[0], seconds, found.peaks_per_s), cover(found.peaks[1], seconds, found.peaks_per_s)],
        seconds,
      );
      if (gone || mine !== drawing) {
        return;
      }
      made.zoom(sight.zoomed());
      const px = sight.spread() / 1000;
      if (follows) {
        made.scrollTo(found.duration_ms * px);
      } else if (drawn_ms.current === 0) {
        // Where it was when the tab was last in front, or where two calls go together.
        const aligned_px = (replay?.aligned_ms ?? 0) * px - width_px.peek() / 2;
        made.scrollTo(from_ms > 0 ? from_ms * px : aligned_px);
      }
      drawn_ms.current = found.duration_ms;
      sight.look();
    };
    const stop = timeline.picture.subscribe(() => void draw());
    return () => {
      gone = true;
      stop();
      observer.disconnect();
      outer.removeEventListener("wheel", onWheel);
      waves.current?.destroy();
      waves.current = null;
      drawn_ms.current = 0;
    };
  }, [ready, area, timeline, store, sight, problem, axis, start_ms, width_px]);

  // Colours are the theme's, and a canvas does not follow by itself.
  useEffect(() => {
    if (area.current !== null) {
      waves.current?.recolour(coloursOf(area.current));
    }
  }, [theme, area]);
  return sight;
}

function coloursOf(element: HTMLElement): [string, string] {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return [of("--rtcw-you"), of("--rtcw-agent")];
}

/** Peaks over the whole length, silent where nothing was recorded (yet). */
function cover(peaks: Float32Array, seconds: number, perS: number): Float32Array {
  const whole = new Float32Array(Math.max(2, peaks.length, Math.ceil(seconds * (perS || 1))));
  whole.set(peaks);
  return whole;
}
