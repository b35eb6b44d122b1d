/** The hidden <audio> element that plays the agent; it belongs to the model, not to a view. */

export interface Speaker {
  /** Play a stream; call it within a click where there is one. Tells whether the browser holds the sound back. */
  play(stream: MediaStream): void;
  /** Try again, within a click. */
  resume(): void;
  stop(): void;
}

export function createSpeaker(held: (held: boolean) => void): Speaker {
  let element: HTMLAudioElement | null = null;

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
      }
      element.srcObject = stream;
      start();
    },

    resume: start,

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
