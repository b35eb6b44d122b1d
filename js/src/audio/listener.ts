/** Plays what was recorded: one piece at a time, fetched from the kernel when somebody wants to hear it. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { asFailure } from "../exchange";
import type { Fields } from "../messages";
import { fetchSound, type RecordedPorts } from "./recorded";

export interface Listener {
  /** What is heard or fetched at the moment, by its key; "" when nothing is. */
  playing: ReadonlySignal<string>;
  /** What could not be heard, and why. */
  problem: ReadonlySignal<{ key: string; words: string } | null>;
  /** Play a piece from its beginning; what plays already is stopped. */
  toggle(key: string, params: Fields): void;
  stop(): void;
}

export function createListener(ports: RecordedPorts): Listener {
  const playing = signal("");
  const problem = signal<{ key: string; words: string } | null>(null);
  let element: HTMLAudioElement | null = null;
  let run = 0;

  function stop(): void {
    run++;
    playing.value = "";
    if (element !== null) {
      element.pause();
      URL.revokeObjectURL(element.src);
      element = null;
    }
  }

  async function play(mine: number, params: Fields): Promise<void> {
    const sound = await fetchSound(ports, params);
    if (mine !== run) {
      return;
    }
    const audio = new Audio(URL.createObjectURL(sound));
    element = audio;
    audio.volume = ports.volume();
    audio.onended = () => {
      if (mine === run) {
        stop();
      }
    };
    if (ports.sink() !== "") {
      await audio.setSinkId(ports.sink());
    }
    if (mine === run) {
      await audio.play();
    }
  }

  return {
    playing,
    problem,

    toggle(key, params) {
      const again = playing.peek() === key;
      stop();
      problem.value = null;
      if (!again) {
        playing.value = key;
        const mine = run;
        play(mine, params).catch((thrown: unknown) => {
          if (mine === run) {
            stop();
            problem.value = { key, words: asFailure(thrown).message };
          }
        });
      }
    },

    stop,
  };
}
