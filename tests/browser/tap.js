// Watch what a page does with WebRTC and microphones, from outside the widget: `window.tap`.
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const tap = { calls: [], microphones: [], clicked_ms: null, records: false };
  window.tap = tap;
  window.addEventListener("click", () => { tap.clicked_ms = now(); }, { capture: true });

  // Each text that crosses a data channel, in the order of the wire: [direction, t_ms, text].
  const watchChannel = (call, channel) => {
    channel.addEventListener("open", () => {
      call.open_ms = now();
    });
    channel.addEventListener("message", ({ data }) => {
      call.wire.push(["server", now(), data]);
    });
    const send = channel.send.bind(channel);
    channel.send = (data) => {
      send(data);
      call.wire.push(["client", now(), data]);
    };
  };

  // The agent's voice as it comes out of the connection, for those who ask: encoding it costs.
  const recordTrack = (call, { track, streams }) => {
    const recorder = new MediaRecorder(streams[0] ?? new MediaStream([track]), { mimeType: "audio/webm;codecs=opus" });
    const chunks = [];
    recorder.addEventListener("dataavailable", ({ data }) => chunks.push(data));
    recorder.start(200);
    call.recordings.push(async () => {
      if (recorder.state !== "inactive") {
        const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
        recorder.stop();
        await stopped;
      }
      const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
      let text = "";
      for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
      return btoa(text);
    });
  };

  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends NativeConnection {
    constructor(...configuration) {
      super(...configuration);
      this.tapped = { connection: this, wire: [], recordings: [], made_ms: now(), open_ms: null };
      tap.calls.push(this.tapped);
      if (tap.records) this.addEventListener("track", (event) => recordTrack(this.tapped, event));
    }

    createDataChannel(...options) {
      const channel = super.createDataChannel(...options);
      watchChannel(this.tapped, channel);
      return channel;
    }
  };

  const devices = navigator.mediaDevices;
  if (devices) {
    const getUserMedia = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await getUserMedia(constraints);
      tap.microphones.push({ stream, constraints });
      return stream;
    };
  }

  tap.clear = () => {
    tap.calls.length = 0;
    tap.microphones.length = 0;
    tap.clicked_ms = null;
    tap.records = false;
  };
  tap.liveMicrophones = () =>
    tap.microphones.flatMap(({ stream }) => stream.getTracks()).filter((track) => track.readyState === "live").length;
  tap.liveCalls = () =>
    tap.calls.filter(({ connection }) => !["closed", "failed"].includes(connection.connectionState)).length;
  tap.wire = (index) => tap.calls.at(index).wire;
  tap.audio = (index) => Promise.all(tap.calls.at(index).recordings.map((stop) => stop()));
  tap.energy = async (index) => {
    const report = await tap.calls.at(index).connection.getStats();
    return [...report.values()].find(({ type }) => type === "inbound-rtp")?.totalAudioEnergy ?? 0;
  };
})();
