// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Fields } from "../src/messages";
import { SECRET } from "./fakes/kernel";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { accepted, type Browser, fakeTrack, installBrowser } from "./fakes/rtc";

let browser: Browser;
let page: Page;

const at = (hostname: string) => vi.stubGlobal("location", { hostname });
const everything = () => JSON.stringify([page.kernel.sent, page.kernel.log, page.instance.store]);

beforeEach(async () => {
  vi.useFakeTimers();
  browser = installBrowser();
  at("localhost");
  page = await openPage();
});

afterEach(() => {
  page.instance.dispose();
  vi.useRealTimers();
});

describe("connecting", () => {
  it("starts mint, microphone and offer side by side, in the same task as the click", () => {
    const opening = vi.fn(() => Promise.resolve(fakeTrack("microphone")));
    browser.microphone = opening;
    page.instance.connect();
    expect(page.kernel.sent.some((message) => message.kind === "request" && message.method === "secret")).toBe(true);
    expect(browser.peers).toHaveLength(1);
    expect(browser.peer().channel.label).toBe("oai-events");
    expect(HTMLMediaElement.prototype.play).toHaveBeenCalledOnce();
  });

  it("posts the offer as application/sdp with the client secret, and says live when the channel is open", async () => {
    page.instance.connect();
    await settle();
    expect(browser.posts).toEqual([
      {
        url: "http://127.0.0.1:8765/v1/realtime/calls",
        headers: { Authorization: `Bearer ${SECRET}`, "Content-Type": "application/sdp" },
        body: "offer",
      },
    ]);
    expect(browser.peer().remote).toBe("provider's answer");
    expect(page.states()).toEqual(["connecting"]);
    browser.connectPeer();
    await settle();
    expect(page.states()).toEqual(["connecting", "live"]);
    const live = page.lastState();
    expect(live).toMatchObject({ call: 1, transport: "browser", rtc_call_id: "rtc_1", microphone: "live" });
    expect(Object.keys(live.steps as Fields).sort()).toEqual([
      "answer_ms",
      "channel_ms",
      "ice_ms",
      "microphone_ms",
      "offer_ms",
      "secret_ms",
    ]);
    expect(live.connect_ms).toBeTypeOf("number");
  });

  it("lets the kernel post the offer where signaling is the kernel's", async () => {
    const [result] = await Promise.all([
      page.kernel.command("connect", { microphone: "none", signaling: "kernel", timeout_ms: 20_000, attempt: 4 }),
      settle().then(() => browser.connectPeer()),
    ]);
    expect(browser.posts).toEqual([]);
    expect(browser.peer().remote).toBe("kernel's answer");
    expect(result).toMatchObject({ ok: true, result: { rtc_call_id: "rtc_kernel" } });
    await settle();
    expect(page.lastState()).toMatchObject({ call: 4, rtc_call_id: "rtc_kernel" });
    expect(page.kernel.sent.some((message) => message.kind === "request" && message.method === "secret")).toBe(false);
  });

  it("refuses a second call of the same widget", async () => {
    await callUp(page, browser);
    const reply = await page.kernel.command("connect", { attempt: 2 });
    expect(reply).toMatchObject({ ok: false, error: { name: "ConnectionFailed", step: "page" } });
    expect(page.states()).toEqual(["connecting", "live"]);
  });

  it("counts attempts on from what the log has", async () => {
    await callUp(page, browser);
    page.instance.hangUp();
    await callUp(page, browser);
    expect(page.kernel.notes("rtc.state").map(({ call }) => call)).toEqual([1, 1, 1, 2, 2]);
  });
});

describe("the microphone", () => {
  it("never delays the call: it goes live in silence and says that it waits for permission", async () => {
    browser.permission = "prompt";
    let allow: (track: ReturnType<typeof fakeTrack>) => void = () => undefined;
    browser.microphone = () => new Promise((resolve) => (allow = resolve));
    await callUp(page, browser);
    expect(page.states()).toEqual(["connecting", "microphone", "live"]);
    expect(page.lastState()).toMatchObject({ microphone: "silent", microphone_reason: "waiting for your permission" });
    expect(browser.peer().outgoing?.label).toBe("silence");
    allow(fakeTrack("microphone"));
    await settle();
    expect(browser.peer().outgoing?.label).toBe("microphone");
    expect(page.lastState()).toMatchObject({ state: "live", microphone: "live" });
  });

  it("asks with echo cancellation, noise suppression and gain control, and for the device by its id", async () => {
    const asked = vi.spyOn(navigator.mediaDevices, "getUserMedia");
    void page.kernel.command("connect", { microphone: "usb1", attempt: 1, timeout_ms: 20_000, signaling: "ephemeral" });
    await settle();
    expect(asked).toHaveBeenCalledWith({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, deviceId: { exact: "usb1" } },
    });
  });

  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "no microphone was found"],
    ["NotReadableError", "could not be started"],
    ["OverconstrainedError", "no microphone with the id"],
  ])("that fails with %s leaves the call live and silent, with the reason", async (name, reason) => {
    browser.microphone = () => Promise.reject(new DOMException("", name));
    await callUp(page, browser);
    const live = page.lastState();
    expect(live).toMatchObject({ state: "live", microphone: "silent" });
    expect(live.microphone_reason).toContain(reason);
    expect(live.advice).not.toBe("");
  });

  it("is not there on plain http: the call goes on and says so", async () => {
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("isSecureContext", false);
    await callUp(page, browser);
    expect(page.lastState()).toMatchObject({ state: "live", microphone: "silent" });
    expect(page.lastState().microphone_reason).toContain("not secure");
  });

  it("that is unplugged leaves silence and says so", async () => {
    await callUp(page, browser);
    browser.opened[0]?.onended?.();
    await settle();
    expect(page.lastState()).toMatchObject({ state: "live", microphone: "silent" });
    expect(browser.peer().outgoing?.label).toBe("silence");
  });

  it("that is plugged in again is sent again, and is tried quietly until it is", async () => {
    const media = Object.assign(new EventTarget(), navigator.mediaDevices);
    vi.stubGlobal("navigator", { ...navigator, mediaDevices: media });
    const asked = vi.spyOn(media, "getUserMedia");
    page.instance.dispose();
    page = await openPage();
    void page.kernel.command("connect", { microphone: "usb1", attempt: 1, timeout_ms: 20_000, signaling: "ephemeral" });
    await settle();
    browser.connectPeer();
    await settle();
    browser.opened[0]?.onended?.();
    const again = browser.microphone;
    browser.microphone = () => Promise.reject(new DOMException("", "OverconstrainedError"));
    media.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(page.lastState()).toMatchObject({ microphone: "silent", microphone_reason: "the microphone is gone" });
    expect(page.instance.devices.problem.value).toBeNull();
    browser.microphone = again;
    media.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(page.lastState()).toMatchObject({ state: "live", microphone: "live" });
    expect(browser.peer().outgoing).toBe(browser.opened.at(-1));
    expect(asked).toHaveBeenLastCalledWith({ audio: expect.objectContaining({ deviceId: { exact: "usb1" } }) });
  });

  it("is stopped when the call ends, also when it opens only afterwards", async () => {
    let allow: (track: ReturnType<typeof fakeTrack>) => void = () => undefined;
    await callUp(page, browser);
    page.instance.hangUp();
    expect(browser.opened[0]?.readyState).toBe("ended");
    browser.microphone = () => new Promise((resolve) => (allow = resolve));
    page.instance.connect();
    await settle();
    page.instance.hangUp();
    const late = fakeTrack("late");
    allow(late);
    await settle();
    expect(late.readyState).toBe("ended");
  });
});

describe("of several microphones that are asked for", () => {
  const opening = () => {
    let resolve: (track: ReturnType<typeof fakeTrack>) => void = () => undefined;
    let reject: (why: unknown) => void = () => undefined;
    const promise = new Promise<ReturnType<typeof fakeTrack>>((...ways) => {
      [resolve, reject] = ways;
    });
    return { promise, resolve, reject };
  };
  const busy = new DOMException("", "NotReadableError");
  const shown = () => page.instance.devices.microphone.value;
  const sent = () => browser.peer().outgoing?.label;
  let a: ReturnType<typeof opening>;
  let b: ReturnType<typeof opening>;

  const chooseBoth = async () => {
    await callUp(page, browser);
    [a, b] = [opening(), opening()];
    const queue = [a, b];
    browser.microphone = () => queue.shift()?.promise ?? Promise.reject(busy);
    page.instance.devices.chooseMicrophone("A");
    page.instance.devices.chooseMicrophone("B");
  };

  it("the one chosen last is sent, whichever opens first, and the other one is let go", async () => {
    await chooseBoth();
    b.resolve(fakeTrack("B"));
    await settle();
    const late = fakeTrack("A");
    a.resolve(late);
    await settle();
    expect([shown(), sent(), late.readyState]).toEqual(["B", "B", "ended"]);
  });

  it("the one chosen last stays where an earlier one fails late", async () => {
    await chooseBoth();
    b.resolve(fakeTrack("B"));
    await settle();
    a.reject(busy);
    await settle();
    expect([shown(), sent(), page.instance.devices.problem.value]).toEqual(["B", "B", null]);
  });

  it("the one before them goes on, and is shown, where the last one fails", async () => {
    await chooseBoth();
    b.reject(busy);
    await settle();
    expect([shown(), sent()]).toEqual(["", "microphone"]);
    a.resolve(fakeTrack("A"));
    await settle();
    expect([shown(), sent(), browser.opened[0]?.readyState]).toEqual(["", "microphone", "live"]);
    expect(page.instance.devices.problem.value?.message).toContain("could not be started");
  });

  it("the call's first one says nothing of its failure once another is sent", async () => {
    const first = opening();
    browser.microphone = () => first.promise;
    await callUp(page, browser);
    browser.microphone = async () => fakeTrack("B");
    page.instance.devices.chooseMicrophone("B");
    await settle();
    first.reject(busy);
    await settle();
    expect(sent()).toBe("B");
    expect(page.lastState()).toMatchObject({ state: "live", microphone: "live" });
  });
});

describe("a step that fails", () => {
  const failed = async () => {
    page.instance.connect();
    await settle();
    return page.lastState();
  };

  it("names the secret, and the kernel's words", async () => {
    page.kernel.answers.secret = () => {
      throw { name: "SecretError", message: "HTTP 401: Incorrect API key provided.", advice: "Check OPENAI_API_KEY." };
    };
    expect(await failed()).toMatchObject({
      state: "failed",
      step: "secret",
      reason: "HTTP 401: Incorrect API key provided.",
      advice: "Check OPENAI_API_KEY.",
    });
    expect(browser.opened[0]?.readyState).toBe("ended");
    expect(browser.peer().closed).toBe(true);
  });

  it("keeps the step that the kernel names", async () => {
    page.kernel.answers.secret = () => {
      throw { name: "ConnectionFailed", message: "the sandbox did not start", step: "sandbox", advice: "See its log." };
    };
    expect(await failed()).toMatchObject({ step: "sandbox", reason: "the sandbox did not start" });
  });

  it("names the offer with the HTTP status and the API's message, before the answer is tried", async () => {
    const error = { message: `Incorrect key: ${SECRET}`, code: "invalid_api_key" };
    browser.provider = () => new Response(JSON.stringify({ error }), { status: 401 });
    const state = await failed();
    expect(state).toMatchObject({ state: "failed", step: "offer" });
    expect(state.reason).toBe(
      "the provider refused the offer (HTTP 401, invalid_api_key: Incorrect key: (client secret))",
    );
    expect(browser.peer().remote).toBeNull();
  });

  it("bears a refusal that is no JSON", async () => {
    browser.provider = () => new Response("<html>Bad gateway</html>", { status: 502 });
    expect((await failed()).reason).toBe("the provider refused the offer (HTTP 502)");
  });

  it("names the answer that is no SDP", async () => {
    browser.provider = () => new Response("hello", { status: 201 });
    expect(await failed()).toMatchObject({ step: "answer" });
  });

  it("says that the sandbox is on another machine than the page", async () => {
    at("hub.example.org");
    browser.provider = () => {
      throw new TypeError("Failed to fetch");
    };
    const state = await failed();
    expect(state.step).toBe("sandbox");
    expect(state.reason).toContain("runs on the kernel's machine, this page on another one");
  });

  it("says that a remote provider cannot be reached", async () => {
    page.kernel.answers.secret = () => ({
      value: SECRET,
      calls_url: "https://api.example.org/v1/realtime/calls",
      loopback: false,
    });
    browser.provider = () => {
      throw new TypeError("Failed to fetch");
    };
    expect(await failed()).toMatchObject({ step: "offer", reason: "the browser could not reach api.example.org" });
  });

  it("says that this browser has no WebRTC", async () => {
    vi.stubGlobal("RTCPeerConnection", undefined);
    expect(await failed()).toMatchObject({ state: "failed", step: "page" });
  });

  it("says why no peer connection can be made, and opens no microphone", async () => {
    vi.stubGlobal(
      "RTCPeerConnection",
      vi.fn(function RTCPeerConnection() {
        throw new DOMException("Cannot create so many PeerConnections", "UnknownError");
      }),
    );
    expect(await failed()).toMatchObject({ state: "failed", step: "page", reason: expect.stringContaining("so many") });
    expect(browser.opened).toEqual([]);
  });

  it("is told, and nothing stays on, where the page fails before the first step", async () => {
    vi.stubGlobal(
      "MediaStream",
      vi.fn(function MediaStream() {
        throw new Error("no sound here");
      }),
    );
    expect(await failed()).toMatchObject({ state: "failed", step: "page", reason: "no sound here" });
    expect(browser.opened.every(({ readyState }) => readyState === "ended")).toBe(true);
    expect(browser.peer().closed).toBe(true);
    vi.stubGlobal("MediaStream", vi.fn());
    await callUp(page, browser);
    expect(page.lastState().state).toBe("live");
  });

  it("names ICE when the connection fails, and the end of time", async () => {
    await failed();
    const peer = browser.peer();
    peer.connectionState = "failed";
    peer.onconnectionstatechange?.();
    await settle();
    expect(page.lastState()).toMatchObject({ state: "failed", step: "ice", rtc_call_id: "rtc_1" });
  });

  it("gives up after 20 s and names what it waited for", async () => {
    page.instance.connect();
    await settle();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(page.lastState()).toMatchObject({
      state: "failed",
      step: "ice",
      reason: "no connection came about within 20 s",
    });
    browser.connectPeer();
    await settle();
    expect(page.lastState().state).toBe("failed");
  });

  it("does not blame the provider for a kernel that says nothing", async () => {
    await vi.advanceTimersByTimeAsync(100);
    page.kernel.block();
    page.instance.connect();
    await vi.advanceTimersByTimeAsync(21_000);
    page.kernel.unblock();
    await settle();
    expect(page.lastState()).toMatchObject({ step: "secret", reason: "the kernel did not answer within 20 s" });
  });

  it("waits beyond 20 s for a kernel that answers and is at work, as when the sandbox starts", async () => {
    let mint: (result: Fields) => void = () => undefined;
    page.kernel.answers.secret = () => new Promise((resolve) => (mint = resolve));
    page.instance.connect();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(page.states()).toEqual(["connecting"]);
    expect(page.instance.store.progress.value).toBe("The sandbox is starting…");
    mint({ value: SECRET });
    await settle();
    browser.connectPeer();
    await settle();
    expect(page.lastState().state).toBe("live");
  });

  it("tells the command that asked for the call", async () => {
    browser.provider = () => new Response("", { status: 404 });
    const reply = await page.kernel.command("connect", { attempt: 1, timeout_ms: 20_000, microphone: "none" });
    expect(reply).toMatchObject({ ok: false, error: { name: "ConnectionFailed", step: "offer" } });
  });

  it("leaves the way free for the next attempt", async () => {
    browser.provider = () => new Response("", { status: 500 });
    await failed();
    browser.provider = accepted;
    await callUp(page, browser);
    expect(page.states()).toEqual(["connecting", "failed", "connecting", "live"]);
  });
});

describe("a live call", () => {
  beforeEach(() => callUp(page, browser));

  it("logs client events when the channel took them, between server events in the order of the wire", async () => {
    browser.receive({ type: "session.created" });
    const event = JSON.stringify({ type: "response.create" });
    const reply = page.kernel.command("send", { events: [event] });
    browser.receive({ type: "response.created" });
    // The reply says how many records come first.
    expect(await reply).toMatchObject({ ok: true, records: page.kernel.log.length });
    expect(browser.peer().channel.sent).toEqual([event]);
    const order = page.kernel.log
      .slice(-3)
      .map(([, direction, , text]) => [direction, (JSON.parse(text) as Fields).type]);
    expect(order).toEqual([
      ["server", "session.created"],
      ["client", "response.create"],
      ["server", "response.created"],
    ]);
  });

  it("refuses an event that is too large with both sizes, and sends none of its companions", async () => {
    const large = JSON.stringify({ type: "conversation.item.create", text: "ä".repeat(200_000) });
    const reply = await page.kernel.command("send", { events: ['{"type":"response.create"}', large] });
    expect(reply).toMatchObject({ ok: false, error: { name: "ProtocolError" } });
    expect(JSON.stringify(reply)).toContain("400,045 bytes; this connection takes 262,144");
    expect(browser.peer().channel.sent).toEqual([]);
  });

  it("answers every command, also one it does not know or cannot carry out", async () => {
    expect(await page.kernel.command("dance")).toMatchObject({ ok: false });
    expect(await page.kernel.command("send", { events: "text" })).toMatchObject({ ok: false });
    page.instance.hangUp();
    expect(await page.kernel.command("send", { events: ["{}"] })).toMatchObject({
      ok: false,
      error: { step: "channel" },
    });
    expect(await page.kernel.command("mute", { muted: true })).toMatchObject({ ok: false });
    expect(await page.kernel.command("hang_up", {})).toMatchObject({ ok: true });
  });

  it("carries out a command that is delivered twice once, and answers twice", async () => {
    await page.kernel.command("send", { events: ["{}"] }, [], "same");
    expect(await page.kernel.command("send", { events: ["{}"] }, [], "same")).toMatchObject({ ok: true });
    expect(browser.peer().channel.sent).toHaveLength(1);
  });

  it("mutes in the browser at once, with the kernel busy", () => {
    page.kernel.block();
    page.instance.setMuted(true);
    expect(browser.opened[0]?.enabled).toBe(false);
    expect(page.instance.store.activity.muted.value).toBe(true);
    page.kernel.unblock();
    expect(page.kernel.notes("rtc.mute")).toEqual([{ type: "rtc.mute", muted: true }]);
  });

  it("mutes at the kernel's command", async () => {
    await page.kernel.command("mute", { muted: true });
    expect(browser.opened[0]?.enabled).toBe(false);
    await page.kernel.command("mute", { muted: false });
    expect(browser.opened[0]?.enabled).toBe(true);
  });

  it("stops the agent: cancels a response that runs, then clears what is on its way", () => {
    const types = () => browser.peer().channel.sent.map((text) => (JSON.parse(text) as Fields).type);
    page.instance.interrupt();
    expect(types()).toEqual([]);
    browser.receive({ type: "response.created", response: { id: "r1", conversation_id: "c" } });
    browser.receive({ type: "output_audio_buffer.started", response_id: "r1" });
    page.instance.interrupt();
    expect(types()).toEqual(["response.cancel", "output_audio_buffer.clear"]);
    browser.receive({ type: "response.done", response: { id: "r1", status: "completed", conversation_id: "c" } });
    page.instance.interrupt();
    expect(types()).toEqual(["response.cancel", "output_audio_buffer.clear", "output_audio_buffer.clear"]);
  });

  it("ends at the kernel's word with its reason", async () => {
    await page.kernel.command("hang_up", { reason: "w.hang_up()" });
    await settle();
    expect(page.lastState()).toMatchObject({ state: "ended", reason: "w.hang_up()", rtc_call_id: "rtc_1" });
    expect(browser.peer().closed).toBe(true);
    expect(browser.opened[0]?.readyState).toBe("ended");
    expect(document.querySelector("audio")).toBeNull();
  });

  it("ends when the other side hangs up, and is lost when the connection fails", async () => {
    browser.peer().channel.onclose?.();
    await settle();
    expect(page.lastState()).toMatchObject({ state: "ended", reason: "the other side hung up" });
    await callUp(page, browser);
    browser.peer().connectionState = "failed";
    browser.peer().onconnectionstatechange?.();
    await settle();
    expect(page.lastState()).toMatchObject({ state: "failed", step: "ice", reason: "the connection was lost" });
  });

  it("ends with the cause and the way out when the service says that its time is up", async () => {
    const { channel } = browser.peer();
    channel.onmessage?.({ data: '{"type":"error","error":{"code":"session_expired"}}' });
    channel.onclose?.();
    await settle();
    const { state, reason } = page.lastState();
    expect(state).toBe("ended");
    expect(reason).toMatch(/longest time \(session_expired\): connect\(\)/);
  });

  it("ends once, whatever else happens afterwards", async () => {
    const { channel, onconnectionstatechange } = browser.peer();
    page.instance.hangUp();
    channel.onclose?.();
    onconnectionstatechange?.();
    page.instance.hangUp();
    await settle();
    expect(page.states()).toEqual(["connecting", "live", "ended"]);
  });

  it("ends with the page, and sends what waits", async () => {
    page.kernel.holdDurable(true);
    browser.receive({ type: "response.created" });
    browser.receive({ type: "response.done" });
    globalThis.dispatchEvent(new Event("pagehide"));
    expect(browser.opened[0]?.readyState).toBe("ended");
    await settle();
    expect(page.lastState()).toMatchObject({ state: "ended", reason: "the page was closed or reloaded" });
  });

  it("gives way to another widget of the same page, and says why", async () => {
    const other = await openPage();
    const mine = browser.opened[0];
    await callUp(other, browser);
    expect(page.lastState()).toMatchObject({ state: "ended", reason: "another widget of this page started a call" });
    expect(mine?.readyState).toBe("ended");
    expect(other.lastState().state).toBe("live");
    page.instance.connect();
    await settle();
    expect(other.lastState().state).toBe("ended");
    other.instance.dispose();
  });

  it("shows Enable sound when the browser holds the sound back, until a click", async () => {
    page.instance.hangUp();
    browser.playAllowed = false;
    await callUp(page, browser);
    expect(page.instance.store.soundHeld.value).toBe(true);
    browser.playAllowed = true;
    page.instance.touched();
    await settle();
    expect(page.instance.store.soundHeld.value).toBe(false);
  });
});

describe("the client secret", () => {
  it("is in nothing that leaves the page or stays in it", async () => {
    await callUp(page, browser);
    page.instance.hangUp();
    browser.provider = () => new Response(`{"error": {"message": "no such key ${SECRET}"}}`, { status: 401 });
    page.instance.connect();
    await settle();
    expect(page.lastState().state).toBe("failed");
    expect(everything()).not.toContain(SECRET);
    expect(document.body.innerHTML).not.toContain(SECRET);
  });
});
