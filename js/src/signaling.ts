/** From the browser's offer to the provider's answer: posted by the page with a client secret, or by the kernel. */

import type { Attempt } from "./attempt";
import { asFailure } from "./exchange";
import type { Fields } from "./messages";
import { kernelRefused, offerRefused, offerUnreached, troubleAt } from "./trouble";

export interface SignalingPorts {
  request(method: "answer", params: Fields): Promise<Fields>;
  progress(words: string): void;
  /** The kernel has done its part: from here on the browser and the provider are at work. */
  kernelReplied(): void;
}

/** Make the offer, get the answer, take it. `secret` is the kernel's reply under way; null: the kernel posts. */
export async function exchangeOffer(
  attempt: Attempt,
  secret: Promise<Fields> | null,
  ports: SignalingPorts,
): Promise<void> {
  secret?.then(
    () => {
      attempt.steps.secret_ms = performance.now() - attempt.startedAt;
    },
    // Awaited below, if the attempt gets that far.
    () => undefined,
  );
  ports.progress("Asking the kernel…");
  const sdp = await makeOffer(attempt);
  const answer =
    secret === null
      ? await answerFromKernel(attempt, sdp, ports)
      : await answerFromProvider(attempt, sdp, secret, ports);
  attempt.stopping.signal.throwIfAborted();
  try {
    await attempt.pc.setRemoteDescription({ type: "answer", sdp: answer });
  } catch (thrown) {
    const advice = "Is calls_url the address of a Realtime service?";
    throw troubleAt("answer", `the provider's answer could not be used (${asFailure(thrown).message})`, advice);
  }
}

async function makeOffer({ pc, steps }: Attempt): Promise<string> {
  const startedAt = performance.now();
  try {
    const offer = await pc.createOffer();
    await pc.setLocalDescription(offer);
    steps.offer_ms = performance.now() - startedAt;
    return pc.localDescription?.sdp ?? offer.sdp ?? "";
  } catch (thrown) {
    throw troubleAt("offer", `the browser made no offer (${asFailure(thrown).message})`, "Reload the page.");
  }
}

async function answerFromKernel(attempt: Attempt, sdp: string, ports: SignalingPorts): Promise<string> {
  const askedAt = performance.now();
  const reply = await ports.request("answer", { sdp }).catch((thrown: unknown) => {
    throw kernelRefused(thrown, "answer");
  });
  attempt.stopping.signal.throwIfAborted();
  ports.kernelReplied();
  attempt.steps.answer_ms = performance.now() - askedAt;
  attempt.rtc_call_id = typeof reply.rtc_call_id === "string" ? reply.rtc_call_id : null;
  return String(reply.sdp);
}

async function answerFromProvider(
  attempt: Attempt,
  sdp: string,
  secret: Promise<Fields>,
  ports: SignalingPorts,
): Promise<string> {
  const minted = await secret.catch((thrown: unknown) => {
    throw kernelRefused(thrown, "secret");
  });
  attempt.stopping.signal.throwIfAborted();
  const askedAt = performance.now();
  attempt.waitingFor = "offer";
  ports.kernelReplied();
  ports.progress("Calling…");
  attempt.loopback = typeof minted.loopback === "boolean" ? minted.loopback : attempt.loopback;
  const value = String(minted.value);
  const { ok, status, headers, body } = await post(attempt, sdp, value, minted);
  if (!ok) {
    // Some gateways repeat the key that they refuse.
    throw offerRefused(status, body.replaceAll(value, "(client secret)"));
  }
  const location = headers.get("Location");
  attempt.rtc_call_id = location?.split("?")[0]?.split("/").at(-1) ?? null;
  attempt.steps.answer_ms = performance.now() - askedAt;
  return body;
}

interface Posted {
  ok: boolean;
  status: number;
  headers: Headers;
  body: string;
}

async function post(attempt: Attempt, sdp: string, value: string, minted: Fields): Promise<Posted> {
  const url = typeof minted.calls_url === "string" ? minted.calls_url : attempt.options.calls_url;
  const extra = typeof minted.headers === "object" ? (minted.headers as Record<string, string> | null) : null;
  const headers = { ...extra, Authorization: `Bearer ${value}`, "Content-Type": "application/sdp" };
  const { signal } = attempt.stopping;
  try {
    const response = await fetch(url, { method: "POST", headers, body: sdp, signal });
    return { ok: response.ok, status: response.status, headers: response.headers, body: await response.text() };
  } catch {
    throw offerUnreached(url, attempt.loopback);
  }
}
