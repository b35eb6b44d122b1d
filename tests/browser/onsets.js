// Notes when a sound begins at the page's output, and when the panel shows which event: both by performance.now.
window.onsets = [];
window.highlights = [];
{
  const LOUD = 0.1;
  const QUIET_S = 0.4;
  const { start } = AudioBufferSourceNode.prototype;

  /** The samples of a source that are loud after a while of silence, in s from its beginning. */
  function* beginnings({ buffer }) {
    const sides = Array.from({ length: buffer.numberOfChannels }, (_, side) => buffer.getChannelData(side));
    let last = -buffer.sampleRate;
    for (let place = 0; place < buffer.length; place++) {
      if (sides.some((samples) => Math.abs(samples[place]) > LOUD)) {
        if (place - last > QUIET_S * buffer.sampleRate) {
          yield place / buffer.sampleRate;
        }
        last = place;
      }
    }
  }

  /** Follow the clock of the output until an instant of it has passed. */
  function noteOnset(context, at_s) {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    if (contextTime >= at_s) {
      window.onsets.push(performanceTime + (at_s - contextTime) * 1000);
    } else if (context.state === "running") {
      setTimeout(noteOnset, 5, context, at_s);
    }
  }

  AudioBufferSourceNode.prototype.start = function (when = 0, ...rest) {
    for (const after_s of beginnings(this)) {
      noteOnset(this.context, when + after_s);
    }
    return start.call(this, when, ...rest);
  };
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target instanceof Element && target.matches(".rtcw-now")) {
        const { seq } = target.dataset;
        // It is seen with the next frame.
        requestAnimationFrame((now) => window.highlights.push([Number(seq), Math.max(now, performance.now())]));
      }
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-seq"] });
}
