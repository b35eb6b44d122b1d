/**
 * Truth made in the page: one AudioContext sends a user's signal and, a set time after its last sample, an agent's
 * through a peer connection that leads back here; both are recorded by the chain that records calls.
 */

import { failure } from "../exchange";
import type { Fields } from "../messages";
import { type JitterSample, sampleJitter } from "../stats";
import { type ClockSample, createCheck } from "./check";
import type { Chunk } from "./chunks";
import { createLine } from "./line";
import { type Clip, startClip } from "./player";
import { startRecorder } from "./recorder";
import { RATE_HZ } from "./resample";
import { createSound } from "./sound";
import { createSpeaker } from "./speaker";

/** The connection settles before the first turn. */
const LEAD_S = 2;
const JITTER_EVERY_MS = 200;

export interface Plan {
  user: Clip;
  agent: Clip;
  /** How long after the user's last sample the agent's first one goes out, turn by turn. */
  gaps_ms: number[];
  pause_ms: number;
}

/** What a loopback gives: the plan as it came out, beside both tracks (mono s16le at 24 kHz) as buffers. */
export interface Loopback extends Fields {
  /** Place of the user's first sample in each turn, in samples since the recorder began. */
  user_frames: number[];
  /** Samples that the recorder missed since the first turn began. */
  lost_frames: number;
  t_browser_ms: number;
  jitter: JitterSample[];
  /** How far the second clock was from the first: track, place, ms. */
  clock: [track: string, frame: number, apart_ms: number][];
  buffers: ArrayBuffer[];
}

export async function runLoopback(plan: Plan): Promise<Loopback> {
  const sound = createSound();
  const speaker = createSpeaker(() => undefined);
  const closing: (() => void)[] = [() => speaker.stop(), () => sound.close()];
  try {
    const context = await sound.running();
    const user = createLine(context);
    const agent = createLine(context);
    const { near, heard, close } = await connectLoop(agent.track);
    closing.push(close);
    speaker.setVolume(0);
    speaker.play(new MediaStream([heard]));
    const chunks: Chunk[] = [];
    let origin: number | null = null;
    const clock: ClockSample[] = [];
    const check = createCheck(context.sampleRate, (sample) => clock.push(sample));
    closing.push(() => check?.stop());
    const tracks = { user: user.track, agent: heard };
    check?.listen(tracks);
    const recorder = await startRecorder(
      context,
      () => tracks,
      (chunk) => chunks.push(chunk),
      (batch) => {
        origin ??= batch.frame;
        check?.take(batch);
      },
    );
    closing.push(() => recorder.stop());
    const jitter: JitterSample[] = [];
    const timer = setInterval(() => {
      sampleJitter(near).then((sample) => sample !== null && jitter.push(sample), Boolean);
    }, JITTER_EVERY_MS);
    closing.push(() => clearInterval(timer));
    const starts = await playTurns(context, plan, user.into, agent.into);
    if (origin === null) {
      throw failure("ConnectionFailed", "the page recorded nothing", { step: "page" });
    }
    const first = origin;
    const place = (frame: number) => ((frame - first) * RATE_HZ) / context.sampleRate;
    return {
      user_frames: starts.map((start_s) => place(start_s * context.sampleRate)),
      lost_frames: chunks
        .filter(({ frame }) => frame > place((starts[0] ?? 0) * context.sampleRate))
        .reduce((sum, { lost_frames }) => sum + (lost_frames ?? 0), 0),
      t_browser_ms: chunks[0]?.t_browser_ms ?? 0,
      jitter,
      clock: clock.map(({ track, frame, apart_ms }) => [track, place(frame), apart_ms]),
      buffers: [join(chunks, ({ user }) => user), join(chunks, ({ agent }) => agent)],
    };
  } finally {
    for (const end of closing.reverse()) {
      end();
    }
  }
}

/** Send a track through a connection of this page with itself. */
async function connectLoop(track: MediaStreamTrack) {
  const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const candidates = (from: RTCPeerConnection, to: RTCPeerConnection) => {
    from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined).catch(() => undefined);
  };
  candidates(near, far);
  candidates(far, near);
  const close = () => {
    near.close();
    far.close();
  };
  try {
    const heard = new Promise<MediaStreamTrack>((resolve, reject) => {
      near.ontrack = (event) => resolve(event.track);
      near.onconnectionstatechange = () => {
        if (near.connectionState === "failed") {
          reject(failure("ConnectionFailed", "the page could not connect with itself", { step: "ice" }));
        }
      };
    });
    far.addTrack(track, new MediaStream([track]));
    await far.setLocalDescription(await far.createOffer());
    await near.setRemoteDescription(far.localDescription as RTCSessionDescription);
    await near.setLocalDescription(await near.createAnswer());
    await far.setRemoteDescription(near.localDescription as RTCSessionDescription);
    return { near, heard: await heard, close };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** Play all turns; returns when each began, in s of the context, a while after the last one has ended. */
async function playTurns(context: AudioContext, plan: Plan, user: AudioNode, agent: AudioNode): Promise<number[]> {
  const starts: number[] = [];
  const lastly = { source: null as AudioBufferSourceNode | null };
  const whole = (seconds: number) => Math.ceil(seconds * context.sampleRate) / context.sampleRate;
  let start_s = whole(context.currentTime + LEAD_S);
  for (const gap_ms of plan.gaps_ms) {
    const answer_s = start_s + plan.user.samples.length / plan.user.sample_rate_hz + gap_ms / 1000;
    startClip(context, plan.user, user, start_s);
    lastly.source = startClip(context, plan.agent, agent, answer_s);
    starts.push(start_s);
    start_s = whole(answer_s + plan.agent.samples.length / plan.agent.sample_rate_hz + plan.pause_ms / 1000);
  }
  await new Promise((resolve) => {
    lastly.source?.addEventListener("ended", resolve);
  });
  await new Promise((resolve) => setTimeout(resolve, plan.pause_ms + 1000));
  return starts;
}

/** Put the chunks together at their places; what was lost between them is silence. */
function join(chunks: readonly Chunk[], of: (chunk: Chunk) => ArrayBuffer): ArrayBuffer {
  const last = chunks.at(-1);
  const samples = new Int16Array(last === undefined ? 0 : last.frame + last.frames);
  for (const chunk of chunks) {
    samples.set(new Int16Array(of(chunk)), chunk.frame);
  }
  return samples.buffer;
}
