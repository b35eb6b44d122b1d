/** Plays what was recorded: one piece at a time, fetched from the kernel when somebody wants to hear it. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { asFailure, type Buffers, failure } from "../exchange";
import type { Fields } from "../messages";

export interface ListenerPorts {
  /** The request `sound`. */
  fetch(params: Fields): Promise<Fields>;
  /** The speaker that the user chose, "" for the system's, and how loud. */
  sink(): string;
  volume(): number;
}

export interface Listener {
  /** What is heard or fetched at the moment, by its key; "" when nothing is. */
  playing: ReadonlySignal<string>;
  /** What could not be heard, and why. */
  problem: ReadonlySignal<{ key: string; words: string } | null>;
  /** Play a piece from its beginning; what plays already is stopped. */
  toggle(key: string, params: Fields): void;
  stop(): void;
}

export function createListener(ports: ListenerPorts): Listener {
  const playing = signal("");
  const problem = signal<{ key: string; words: string } | null>(null);
  let element: HTMLAudioElement | null = null;

  function stop(): void {
    playing.value = "";
    if (element !== null) {
      element.pause();
      URL.revokeObjectURL(element.src);
      element = null;
    }
  }

  async function play(key: string, params: Fields): Promise<void> {
    const { buffers } = await ports.fetch(params);
    const sound = (buffers as Buffers | undefined)?.[0];
    if (sound === undefined) {
      throw failure("RecordingError", "the kernel sent no sound");
    }
    if (playing.peek() !== key) {
      return;
    }
    const audio = new Audio(URL.createObjectURL(new Blob([sound as BlobPart], { type: "audio/wav" })));
    element = audio;
    audio.volume = ports.volume();
    audio.onended = () => {
      if (element === audio) {
        stop();
      }
    };
    if (ports.sink() !== "") {
      await audio.setSinkId(ports.sink());
    }
    await audio.play();
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
        play(key, params).catch((thrown: unknown) => {
          if (playing.peek() === key) {
            stop();
            problem.value = { key, words: asFailure(thrown).message };
          }
        });
      }
    },

    stop,
  };
}
