import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AudioLine, type Chunk, createAudioLine, MOST_HELD } from "../../src/audio/chunks";
import type { Audio } from "../../src/messages";

const PAGE = "page1";
let sent: { message: Audio; buffers: ArrayBuffer[] }[];
let open: boolean;
let line: AudioLine;

const numbers = () => sent.map(({ message }) => message.chunks.map((_, at) => message.first + at));
const ack = (received: number, durable = received) =>
  line.acknowledge({ kind: "audio_ack", page: PAGE, received, durable });

function chunk(number: number): Chunk {
  const pcm = (value: number) => new Int16Array([value, value]).buffer;
  return { frame: 2 * number, frames: 2, t_browser_ms: number, user: pcm(number), agent: pcm(-1 - number) };
}

function push(count: number, from = line.count()): void {
  for (let number = from; number < from + count; number++) {
    line.push(chunk(number));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  open = true;
  line = createAudioLine({
    page: PAGE,
    post: (message, buffers) => sent.push({ message, buffers }),
    open: () => open,
  });
});

afterEach(() => {
  line.close();
  vi.useRealTimers();
});

describe("the line for sound", () => {
  it("sends a few chunks at a time, numbered, with both tracks of each beside them", () => {
    push(2);
    expect(sent).toEqual([]);
    push(1);
    expect(sent[0]?.message).toEqual({
      kind: "audio",
      page: PAGE,
      first: 0,
      chunks: [0, 1, 2].map((number) => ({ frame: 2 * number, frames: 2, t_browser_ms: number })),
    });
    expect(sent[0]?.buffers.map((buffer) => new Int16Array(buffer)[0])).toEqual([0, -1, 1, -2, 2, -3]);
  });

  it("waits until the kernel knows of the call", () => {
    open = false;
    push(5);
    expect(sent).toEqual([]);
    open = true;
    push(1);
    expect(numbers()).toEqual([[0, 1, 2, 3, 4, 5]]);
  });

  it("has one message under way, and what gathered meanwhile goes in pieces", () => {
    push(23);
    expect(numbers()).toEqual([[0, 1, 2]]);
    ack(3);
    expect(numbers()[1]).toEqual(Array.from({ length: 16 }, (_, at) => 3 + at));
    ack(19);
    expect(numbers()[2]).toEqual([19, 20, 21, 22]);
  });

  it("sends a lost message again, from where the kernel is", () => {
    push(3);
    push(3);
    vi.advanceTimersByTime(4_000);
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(2_000);
    expect(numbers()[1]).toEqual([0, 1, 2, 3, 4, 5]);
    ack(6);
    push(3);
    expect(numbers()[2]).toEqual([6, 7, 8]);
  });

  it("holds a chunk until it is durable, and can send it again until then", () => {
    push(3);
    ack(3, 1);
    line.flush();
    expect(sent).toHaveLength(1);
    push(MOST_HELD - 2);
    line.push({ ...chunk(9), lost_frames: 5 });
    push(1);
    const count = line.count();
    expect(count).toBe(MOST_HELD + 1);
    // Room again: what did not fit is lost, and the next one says how much.
    ack(3, 3);
    line.push(chunk(20));
    expect(line.count()).toBe(count + 1);
    for (let end = 19; end < count; end += 16) {
      ack(end, 3);
    }
    line.flush();
    const last = sent.at(-1)?.message.chunks.at(-1);
    expect(last?.lost_frames).toBe(2 + 5 + 2);
  });

  it("sends all at once when the call is over", () => {
    push(2);
    line.flush();
    push(20);
    line.flush();
    expect(numbers().flat()).toEqual(Array.from({ length: 22 }, (_, at) => at));
  });

  it("keeps no timer when nothing is owed", () => {
    push(3);
    ack(3);
    vi.advanceTimersByTime(2_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
