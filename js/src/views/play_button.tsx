/** A small button that plays a piece of the recording, and stops it. */

import type { Listener } from "../audio/listener";
import type { Fields } from "../messages";

interface PlayButtonProps {
  listener: Listener;
  /** Unique among all that can be played. */
  id: string;
  params: Fields;
}

export function PlayButton({ listener, id, params }: PlayButtonProps) {
  const playing = listener.playing.value === id;
  return (
    <button
      type="button"
      class="rtcw-link rtcw-play"
      aria-label={playing ? "Stop" : "Hear it"}
      title={playing ? "Stop" : "Hear it"}
      onClick={(event) => {
        event.stopPropagation();
        listener.toggle(id, params);
      }}
    >
      {playing ? "■" : "▶"}
    </button>
  );
}
