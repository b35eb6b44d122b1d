/** The hidden <audio> element that plays the agent; it belongs to the model, not to a view. */

export interface Speaker {
  /** Play a stream; call it within a click where there is one. Tells whether the browser holds the sound back. */
  play(stream: MediaStream): void;
  /** Try again, within a click. */
  resume(): void;
  /** Play through this device from now on; rejects where the browser knows no such one. */
  setSink(id: string): Promise<void>;
  /** From 0 to 1. */
  setVolume(volume: number): void;
  stop(): void;
}

export function createSpeaker(held: (held: boolean) => void): Speaker {
  let element: HTMLAudioElement | null = null;
  let sink = "";
  let volume = 1;

  function start(): void {
    const current = element;
    if (current === null) {
      return;
    }
    current.play().then(
      () => held(false),
      (error: unknown) => {
        // An AbortError only says that the stream was changed meanwhile.
        if (current === element && error instanceof DOMException && error.name === "NotAllowedError") {
          held(true);
        }
      },
    );
  }

  return {
    play(stream) {
      if (element === null) {
        element = document.createElement("audio");
        element.hidden = true;
        element.dataset.rtcWidget = "agent";
        document.body.append(element);
        element.volume = volume;
        if (sink !== "") {
          void element.setSinkId(sink).catch(() => undefined);
        }
      }
      element.srcObject = stream;
      start();
    },

    resume: start,

    async setSink(id) {
      await element?.setSinkId(id);
      sink = id;
    },

    setVolume(next) {
      volume = next;
      if (element !== null) {
        element.volume = next;
      }
    },

    stop() {
      if (element !== null) {
        element.pause();
        element.srcObject = null;
        element.remove();
        element = null;
      }
      held(false);
    },
  };
}
