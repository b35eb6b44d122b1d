/** A track that carries what is played into it, and silence otherwise. */

export interface Line {
  into: AudioNode;
  track: MediaStreamTrack;
}

export function createLine(context: AudioContext): Line {
  const into = context.createGain();
  const out = context.createMediaStreamDestination();
  out.channelCount = 1;
  into.connect(out);
  // A line that nothing plays into sends no packets, and the other side waits for the end of the speech.
  const silence = context.createConstantSource();
  silence.offset.value = 0;
  silence.connect(into);
  silence.start();
  return { into, track: out.stream.getAudioTracks()[0] as MediaStreamTrack };
}
