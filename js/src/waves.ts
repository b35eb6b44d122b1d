/**
 * The waveforms of both sides, drawn by wavesurfer.js: a file of its own, loaded when the Timeline tab first opens.
 *
 * The kernel hands it over as it does the widget itself, so no other server is asked, and a call that nobody looks
 * at in this way never pays for it.
 */

import WaveSurfer from "wavesurfer.js";

export interface WaveOptions {
  colours: readonly [you: string, agent: string];
  height_px: number;
  /** What is in sight is another stretch. */
  moved(): void;
  /** Somebody pointed at an instant, in s. */
  pointed(t_s: number): void;
}

export interface Waves {
  /** Show these, each 0 to 1, as many s long; scaled to fit when `px_per_s` is 0. Done when they are there. */
  show(peaks: readonly [Float32Array, Float32Array], seconds: number): Promise<void>;
  zoom(px_per_s: number): void;
  recolour(colours: WaveOptions["colours"]): void;
  /** In px from the beginning. */
  scrolled(): number;
  scrollTo(px: number): void;
  mark(t_s: number): void;
  destroy(): void;
}

export function createWaves(container: HTMLElement, options: WaveOptions): Waves {
  const channels = (colours: WaveOptions["colours"]) =>
    colours.map((colour) => ({ waveColor: colour, progressColor: colour, overlay: false }));
  const wave = WaveSurfer.create({
    container,
    height: options.height_px,
    splitChannels: channels(options.colours),
    barWidth: 2,
    barGap: 1,
    barRadius: 1,
    barMinHeight: 1,
    cursorWidth: 0,
    hideScrollbar: true,
    autoScroll: false,
    autoCenter: false,
    interact: true,
    dragToSeek: false,
  });
  wave.on("scroll", () => options.moved());
  wave.on("zoom", () => options.moved());
  // So that whoever takes a picture knows that it is one.
  wave.on("redrawcomplete", () => {
    container.dataset.drawn = String(container.clientWidth);
  });
  wave.on("interaction", (t_s) => options.pointed(t_s));
  return {
    // A newer load ends an older one, which is all that can go wrong without an address.
    show: ([you, agent], seconds) => wave.load("", [you, agent], seconds).catch(() => undefined),
    zoom: (px_per_s) => wave.setOptions({ minPxPerSec: px_per_s }),
    recolour: (colours) => wave.setOptions({ splitChannels: channels(colours) }),
    scrolled: () => wave.getScroll(),
    scrollTo: (px) => wave.setScroll(px),
    mark: (t_s) => wave.setTime(t_s),
    destroy: () => wave.destroy(),
  };
}
