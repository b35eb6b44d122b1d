/** The kernel of a saved page: a model whose answers all stand in the page. */

import type { Listener, Model } from "../afm";
import { asFailure, failure } from "../exchange";
import type { BrowserMessage, Fields, KernelMessage, Welcome } from "../messages";
import { bytesOf, type Saved } from "./data";
import { createSavedSound, decodePiece } from "./sound";

export function createSavedModel(saved: Saved, decode = decodePiece): Model {
  const listeners = new Set<Listener>();
  const { config, records, picture, peaks, code } = saved;

  const answers: Record<string, (params: Fields) => Fields | Promise<Fields>> = {
    find({ query }) {
      const words = String(query ?? "").toLowerCase();
      return { seqs: records.filter(([, , , text]) => text.toLowerCase().includes(words)).map(([seq]) => seq) };
    },
    module: () => ({ code: code.waves }),
    sound: createSavedSound(saved.sound, decode),
    tail({ since, limit }) {
      const found = records.slice(Number(since), Number(since) + Number(limit));
      const next = Number(since) + found.length;
      return { records: found, next: next < records.length ? next : null };
    },
    turns: () => ({ turns: picture.turns }),
    timeline: ({ since }) => ({
      ...picture,
      ...(peaks.length > 0 && { buffers: peaks.map((track) => bytesOf(track).slice(Number(since ?? 0))) }),
    }),
  };

  const post = (message: KernelMessage, buffers: readonly ArrayBuffer[] = []) => {
    for (const listener of listeners) {
      listener(message, buffers);
    }
  };

  function welcome(page: string): Welcome {
    const nothing = { received: 0, missing: false, durable: 0, owner: null };
    return { kind: "welcome", page, ...nothing, config, length: records.length, end: "saved" };
  }

  async function answer({ page, id, method, params }: Extract<BrowserMessage, { kind: "request" }>): Promise<void> {
    try {
      const given = answers[method];
      if (given === undefined) {
        throw failure("ConfigurationError", "A saved page is only looked at.");
      }
      const { buffers, ...result } = await given(params);
      post({ kind: "reply", page, id, ok: true, result }, Array.isArray(buffers) ? buffers : []);
    } catch (thrown) {
      const { name, message } = asFailure(thrown);
      post({ kind: "reply", page, id, ok: false, error: { name, message } });
    }
  }

  return {
    get: () => null,
    on(name, listener) {
      if (name === "msg:custom") {
        listeners.add(listener);
      }
    },
    off(_name, listener) {
      listeners.delete(listener);
    },
    send(content) {
      const message = content as unknown as BrowserMessage;
      if (message.kind === "hello") {
        queueMicrotask(() => post(welcome(message.page)));
      } else if (message.kind === "request") {
        void answer(message);
      }
    },
  };
}
