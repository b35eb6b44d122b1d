/** The browser's edges of a call: peer connection, microphone, sound and network, under the test's control. */

import { vi } from "vitest";

export interface FakeTrack {
  kind: "audio";
  label: string;
  enabled: boolean;
  readyState: "live" | "ended";
  stop(): void;
  onended: (() => void) | null;
}

export function fakeTrack(label: string): FakeTrack {
  const track: FakeTrack = {
    kind: "audio",
    label,
    enabled: true,
    readyState: "live",
    onended: null,
    stop() {
      track.readyState = "ended";
    },
  };
  return track;
}

export interface FakeChannel {
  label: string;
  readyState: "connecting" | "open" | "closed";
  sent: string[];
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(text: string): void;
  close(): void;
}

export interface FakePeer {
  channel: FakeChannel;
  /** The track that goes out at the moment. */
  outgoing: FakeTrack | null;
  remote: string | null;
  closed: boolean;
  sctp: { maxMessageSize: number };
  iceConnectionState: string;
  connectionState: string;
  /** What getStats reports. */
  stats: Record<string, unknown>[];
  onconnectionstatechange: (() => void) | null;
}

export interface Browser {
  peers: FakePeer[];
  /** The peer connection made last. */
  peer(): FakePeer;
  /** Calls of fetch, in order. */
  posts: { url: string; headers: Record<string, string>; body: string }[];
  /** What the provider answers; throw to be unreachable. */
  provider: () => Response | Promise<Response>;
  /** How getUserMedia goes: a promise the test settles, or at once. */
  microphone: () => Promise<FakeTrack>;
  opened: FakeTrack[];
  permission: "granted" | "prompt" | "denied";
  /** Whether an AudioContext starts without a click. */
  soundAllowed: boolean;
  playAllowed: boolean;
  /** Clips that were started; `end` plays one to its end. */
  clips: { samples: Float32Array; sample_rate_hz: number; end(): void }[];
  /** Let ICE connect and the data channel open. */
  connectPeer(): void;
  receive(event: object): void;
}

export function accepted(): Response {
  return new Response("provider's answer", { status: 201, headers: { Location: "/v1/realtime/calls/rtc_1?x=1" } });
}

export function installBrowser(): Browser {
  const browser: Browser = {
    peers: [],
    peer: () => {
      const last = browser.peers.at(-1);
      if (last === undefined) {
        throw new Error("no peer connection was made");
      }
      return last;
    },
    posts: [],
    provider: accepted,
    microphone: () => Promise.resolve(fakeTrack("microphone")),
    opened: [],
    permission: "granted",
    soundAllowed: true,
    playAllowed: true,
    clips: [],
    connectPeer() {
      const peer = browser.peer() as ReturnType<typeof makePeer>;
      peer.iceConnectionState = "connected";
      peer.dispatchEvent(new Event("iceconnectionstatechange"));
      peer.channel.readyState = "open";
      peer.channel.onopen?.();
    },
    receive: (event) => browser.peer().channel.onmessage?.({ data: JSON.stringify(event) }),
  };

  vi.stubGlobal(
    "RTCPeerConnection",
    vi.fn(function RTCPeerConnection() {
      const peer = makePeer();
      browser.peers.push(peer);
      return peer;
    }),
  );
  vi.stubGlobal(
    "MediaStream",
    vi.fn(function MediaStream(tracks: FakeTrack[]) {
      return { getAudioTracks: () => tracks };
    }),
  );
  vi.stubGlobal(
    "AudioContext",
    vi.fn(function AudioContext() {
      return makeContext(browser);
    }),
  );
  vi.stubGlobal(
    "AnalyserNode",
    vi.fn(function AnalyserNode() {
      return { getFloatTimeDomainData: () => undefined };
    }),
  );
  vi.stubGlobal("fetch", async (url: string, init: { headers: Record<string, string>; body: string }) => {
    browser.posts.push({ url, headers: init.headers, body: init.body });
    return browser.provider();
  });
  const getUserMedia = async () => {
    const track = await browser.microphone();
    browser.opened.push(track);
    return { getAudioTracks: () => [track] };
  };
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("navigator", {
    mediaDevices: { getUserMedia },
    permissions: { query: async () => ({ state: browser.permission }) },
  });
  vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(async () => {
    if (!browser.playAllowed) {
      throw new DOMException("click first", "NotAllowedError");
    }
  });
  vi.spyOn(HTMLMediaElement.prototype, "pause").mockImplementation(() => undefined);
  vi.spyOn(HTMLMediaElement.prototype, "srcObject", "set").mockImplementation(() => undefined);
  return browser;
}

function makePeer() {
  const channel: FakeChannel = {
    label: "",
    readyState: "connecting",
    sent: [],
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => {
      channel.sent.push(text);
    },
    close: () => {
      channel.readyState = "closed";
    },
  };
  const peer = Object.assign(new EventTarget(), {
    channel,
    outgoing: null as FakeTrack | null,
    remote: null as string | null,
    closed: false,
    sctp: { maxMessageSize: 262_144 },
    iceConnectionState: "new",
    connectionState: "new",
    onconnectionstatechange: null as (() => void) | null,
    localDescription: null as { sdp: string } | null,
    createDataChannel: (label: string) => Object.assign(channel, { label }),
    addTransceiver: () => ({
      sender: {
        replaceTrack: async (track: FakeTrack | null) => {
          peer.outgoing = track;
        },
      },
      receiver: { track: fakeTrack("agent") },
    }),
    createOffer: async () => ({ type: "offer", sdp: "offer" }),
    setLocalDescription: async (offer: { sdp: string }) => {
      peer.localDescription = offer;
    },
    setRemoteDescription: async ({ sdp }: { sdp: string }) => {
      if (!sdp.endsWith("answer")) {
        throw new DOMException("Failed to parse SessionDescription.", "OperationError");
      }
      peer.remote = sdp;
    },
    stats: [] as Record<string, unknown>[],
    getStats: async () => new Map(peer.stats.map((stats) => [stats.id, stats])),
    getReceivers: () => [peer],
    close: () => {
      peer.closed = true;
    },
  });
  return peer;
}

function makeContext(browser: Browser) {
  const node = () => ({ connect: () => undefined, disconnect: () => undefined });
  const context = {
    state: browser.soundAllowed ? "running" : "suspended",
    currentTime: 0,
    resume: async () => {
      if (browser.soundAllowed) {
        context.state = "running";
      }
    },
    close: async () => {
      context.state = "closed";
    },
    createGain: node,
    createConstantSource: () => ({ ...node(), offset: { value: 1 }, start: () => undefined }),
    // As in a browser: a destination has no output that anything could be connected to.
    createMediaStreamDestination: () => ({ stream: { getAudioTracks: () => [silence] } }),
    createMediaStreamSource: node,
    createBuffer: (_channels: number, length: number, sample_rate_hz: number) => ({
      samples: new Float32Array(length) as Float32Array,
      sample_rate_hz,
      copyToChannel(samples: Float32Array) {
        this.samples = samples;
      },
    }),
    createBufferSource: () => {
      const source = {
        ...node(),
        buffer: null as { samples: Float32Array; sample_rate_hz: number } | null,
        onended: null as (() => void) | null,
        start() {
          if (source.buffer !== null) {
            browser.clips.push({ ...source.buffer, end: () => source.onended?.() });
          }
        },
        // As in Chromium: the end is told in a later task, and never once the context is closed.
        stop: () => void setTimeout(() => context.state !== "closed" && source.onended?.()),
      };
      return source;
    },
  };
  const silence = fakeTrack("silence");
  return context;
}
