/** From the sound card's rate to 24 kHz and 16 bits: a windowed sinc, as long as the sound lasts. */

export const RATE_HZ = 24_000;

/** Zero crossings of the sinc on either side; its pass band ends at 0.9 of what 24 kHz can hold. */
const CROSSINGS = 16;
const PASS = 0.9;

export interface Resampler {
  /** Take samples between -1 and 1; returns what is ready by now. */
  push(samples: Float32Array): Int16Array<ArrayBuffer>;
  /** Return the rest, as if silence followed; the next samples begin anew. */
  flush(): Int16Array<ArrayBuffer>;
}

/** Make a resampler whose output sample n is the sound at n / 24,000 s after its first input sample. */
export function createResampler(rate_hz: number): Resampler {
  const divisor = gcd(rate_hz, RATE_HZ);
  /** Input samples and output samples of one round of phases. */
  const [round_in, round_out] = [rate_hz / divisor, RATE_HZ / divisor];
  const reach = Math.ceil((CROSSINGS * Math.max(rate_hz, RATE_HZ)) / RATE_HZ / PASS);
  const phases = Array.from({ length: round_out }, (_, phase) => taps(phase, rate_hz, reach, round_in / round_out));
  let kept = new Float32Array(reach);
  /** Number of the first kept input sample, and of the next output sample. */
  let start = -reach;
  let next = 0;

  function ready(until: number): Int16Array<ArrayBuffer> {
    const last = Math.floor(((until - reach) * round_out) / round_in);
    const found = new Int16Array(Math.max(0, last - next));
    for (let at = 0; at < found.length; at++) {
      const position = ((next + at) * round_in) / round_out;
      const weights = phases[(next + at) % round_out] as Float32Array;
      const first = Math.floor(position) - reach + 1 - start;
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (kept[first + tap] ?? 0) * (weights[tap] as number);
      }
      found[at] = Math.max(-32768, Math.min(32767, Math.round(sum * 32768)));
    }
    next += found.length;
    const needed = Math.floor((next * round_in) / round_out) - reach + 1;
    kept = kept.slice(Math.max(0, needed - start));
    start = Math.max(start, needed);
    return found;
  }

  function push(samples: Float32Array): Int16Array<ArrayBuffer> {
    const longer = new Float32Array(kept.length + samples.length);
    longer.set(kept);
    longer.set(samples, kept.length);
    kept = longer;
    return ready(start + kept.length);
  }

  return {
    push,

    flush() {
      const rest = push(new Float32Array(reach));
      kept = new Float32Array(reach);
      start = -reach;
      next = 0;
      return rest;
    },
  };
}

/** The weights of the input samples around one output sample. */
function taps(phase: number, rate_hz: number, reach: number, step: number): Float32Array {
  const fraction = (phase * step) % 1;
  const cutoff = PASS * Math.min(1, RATE_HZ / rate_hz);
  const weights = Float32Array.from({ length: 2 * reach }, (_, tap) => {
    const x = tap - reach + 1 - fraction;
    const hann = 0.5 + 0.5 * Math.cos((Math.PI * x) / reach);
    return x === 0 ? cutoff : (Math.sin(Math.PI * x * cutoff) / (Math.PI * x)) * hann;
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
