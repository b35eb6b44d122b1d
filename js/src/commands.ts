/** What the kernel may ask of the page; each answers, or throws what the reply will say. */

import { keepCalibration } from "./audio/calibration";
import type * as LoopbackModule from "./audio/loopback";
import type { Outgoing } from "./audio/outgoing";
import { type Assembler, createAssembler, readClip } from "./audio/player";
import type { Call } from "./call";
import { type Buffers, type Exchange, failure } from "./exchange";
import type { Command, Fields } from "./messages";
import { loadModule } from "./modules";

export interface CommandPorts {
  call: Call;
  outgoing: Outgoing;
  note(note: Fields & { type: string }): void;
  request: Exchange["request"];
  /** Connect as the kernel asks: in place of whatever other call this page has. */
  connect(params: Fields): Promise<Fields>;
}

/** Make the function that carries out commands. */
export function createCommands(ports: CommandPorts): {
  run(method: Command["method"], params: Fields, buffers: Buffers): Promise<Fields> | Fields;
} {
  const assembler = createAssembler();

  return {
    run(method, params, buffers) {
      switch (method) {
        case "connect":
          return ports.connect(params);
        case "hang_up":
          ports.call.hangUp(typeof params.reason === "string" ? params.reason : "hung up from Python");
          return {};
        case "send":
          ports.call.send(texts(params.events));
          return {};
        case "mute":
          ports.call.setMuted(params.muted === true);
          return {};
        case "play":
          return play(ports, assembler, params, buffers);
        case "stop_play":
          assembler.clear();
          ports.outgoing.restore();
          return {};
        case "loopback":
          return loopback(ports, params, buffers);
        case "calibrated":
          keepCalibration(params);
          return {};
        default:
          throw failure("ProtocolError", `This page knows no command ${JSON.stringify(method)}.`);
      }
    },
  };
}

async function loopback({ request }: CommandPorts, params: Fields, buffers: Buffers): Promise<Fields> {
  const { gaps_ms, pause_ms, sample_rate_hz } = params;
  const [user, agent] = buffers;
  if (!Array.isArray(gaps_ms) || typeof pause_ms !== "number" || typeof sample_rate_hz !== "number") {
    throw failure("ProtocolError", "loopback needs gaps_ms, pause_ms and sample_rate_hz.");
  }
  if (user === undefined || agent === undefined) {
    throw failure("ProtocolError", "loopback needs the user's and the agent's signal.");
  }
  const { runLoopback } = await loadModule<typeof LoopbackModule>(request, "loopback");
  return runLoopback({
    user: readClip(user, sample_rate_hz),
    agent: readClip(agent, sample_rate_hz),
    gaps_ms: gaps_ms.map(Number),
    pause_ms,
  });
}

async function play(ports: CommandPorts, assembler: Assembler, params: Fields, buffers: Buffers): Promise<Fields> {
  if (!ports.call.live()) {
    assembler.clear();
    throw failure("ConnectionFailed", "there is no call to play into", { step: "channel", advice: "Connect first." });
  }
  const clip = assembler.take(params, buffers);
  if (clip === null) {
    return {};
  }
  const seconds = clip.samples.length / clip.sample_rate_hz;
  const about = { type: "rtc.play", what: clip.what, seconds };
  let started = false;
  try {
    const whole = await ports.outgoing.play(clip, () => {
      started = true;
      ports.note({ ...about, phase: "started" });
    });
    if (!whole) {
      throw failure("ConnectionFailed", "the file was stopped before its end", { step: "channel" });
    }
  } finally {
    if (started) {
      ports.note({ ...about, phase: "ended" });
    }
  }
  return { seconds };
}

function texts(events: unknown): string[] {
  if (!Array.isArray(events) || !events.every((event) => typeof event === "string")) {
    throw failure("ProtocolError", "send needs events: a list of texts.");
  }
  return events;
}
