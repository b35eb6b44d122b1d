/** Requests to the kernel and commands from it: each has an id, each is answered, errors too. */

import {
  type BrowserMessage,
  type Command,
  type Fields,
  type Method,
  type RelayError,
  type Reply,
  randomId,
} from "./messages";

/** How many commands are remembered, so that one delivered twice acts once. */
const REMEMBERED = 500;

/** Something that failed, in words for a person: what a reply and the panel say of it. */
export type Failure = Error & Omit<RelayError, "name" | "message">;

export type Buffers = readonly (DataView | ArrayBuffer)[];

export interface ExchangePorts {
  page: string;
  post(message: BrowserMessage, buffers?: ArrayBuffer[]): void;
  /** How many records this page has numbered. */
  numbered(): number;
  /** Do what a command asks; what it throws becomes the reply. The `buffers` of its result travel beside the reply. */
  run(method: Command["method"], params: Fields, buffers: Buffers): Promise<Fields> | Fields;
}

export interface Exchange {
  /**
   * Ask the kernel; rejects with a `Failure` when it says no, or after `timeout_ms` without an answer.
   *
   * Buffers of the answer are its field `buffers`; those of the question are `more.buffers`.
   */
  request(method: Method, params: Fields, more?: { timeout_ms?: number; buffers?: ArrayBuffer[] }): Promise<Fields>;
  reply(message: Reply, buffers?: Buffers): void;
  command(message: Command, buffers: Buffers): void;
  /** Answer for one that will not: all that waits is rejected with these words. */
  giveUp(why: string): void;
}

/** A reply, and the bytes that travel beside it. */
interface Answer {
  reply: Reply;
  buffers: ArrayBuffer[];
}

/** Make a failure to throw. */
export function failure(name: string, message: string, more: Omit<RelayError, "name" | "message"> = {}): Failure {
  return Object.assign(new Error(message), { name, ...more });
}

/** Put whatever was thrown into words. */
export function asFailure(thrown: unknown): Failure {
  return thrown instanceof Error ? thrown : failure("Error", String(thrown));
}

function asError({ name, message, step, advice }: Failure): RelayError {
  return { name, message, ...(step ? { step } : {}), ...(advice ? { advice } : {}) };
}

export function createExchange(ports: ExchangePorts): Exchange {
  const waiting = new Map<string, { resolve(result: Fields): void; reject(reason: Failure): void }>();
  const replies = new Map<string, Promise<Answer>>();

  async function answer(message: Command, given: Buffers): Promise<Answer> {
    const { page, id } = message;
    try {
      const { buffers, ...result } = await ports.run(message.method, message.params ?? {}, given);
      const reply: Reply = { kind: "reply", page, id, records: ports.numbered(), ok: true, result };
      return { reply, buffers: Array.isArray(buffers) ? (buffers as ArrayBuffer[]) : [] };
    } catch (thrown) {
      const error = asError(asFailure(thrown));
      return { reply: { kind: "reply", page, id, records: ports.numbered(), ok: false, error }, buffers: [] };
    }
  }

  return {
    request(method, params, { timeout_ms, buffers } = {}) {
      const id = randomId();
      return new Promise<Fields>((resolve, reject) => {
        const timer =
          timeout_ms === undefined
            ? undefined
            : setTimeout(() => {
                waiting.delete(id);
                reject(failure("WaitTimeout", `The kernel did not answer within ${timeout_ms / 1000} s.`));
              }, timeout_ms);
        waiting.set(id, {
          resolve(result) {
            clearTimeout(timer);
            resolve(result);
          },
          reject(reason) {
            clearTimeout(timer);
            reject(reason);
          },
        });
        ports.post({ kind: "request", page: ports.page, id, method, params }, buffers);
      });
    },

    reply(message, buffers = []) {
      const promise = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.ok) {
        const result = message.result ?? {};
        promise?.resolve(buffers.length > 0 ? { ...result, buffers } : result);
      } else {
        const { name, message: words, ...more } = message.error;
        promise?.reject(failure(name, words, more));
      }
    },

    command(message, buffers) {
      const known = replies.get(message.id);
      const reply = known ?? answer(message, buffers);
      if (known === undefined) {
        replies.set(message.id, reply);
        for (const id of replies.keys()) {
          if (replies.size <= REMEMBERED) {
            break;
          }
          replies.delete(id);
        }
      }
      void reply.then((answer) => {
        ports.post(answer.reply, answer.buffers);
        // Sound is not remembered for a command that may come again.
        answer.buffers = [];
      });
    },

    giveUp(why) {
      const all = [...waiting.values()];
      waiting.clear();
      for (const promise of all) {
        promise.reject(failure("WaitTimeout", why));
      }
    },
  };
}
