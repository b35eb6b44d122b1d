/** Why a call did not come about, in words: which step, what happened there, what to try. */

import { asFailure, type Failure, failure } from "./exchange";
import { type Fields, isFields, type Step } from "./messages";

const AGAIN = "Connect again; if it stays, look at the provider's status page.";

/** Make the failure of a step. */
export function troubleAt(step: Step, message: string, advice: string): Failure {
  return failure("ConnectionFailed", message, { step, advice });
}

/** The kernel said no, or nothing, when asked for a client secret or an answer. */
export function kernelRefused(thrown: unknown, step: Step): Failure {
  const { message, step: named, advice } = asFailure(thrown);
  return troubleAt(named ?? step, message, advice ?? "The cell's output and w.errors may say more.");
}

/** The provider answered the offer with something else than an answer. */
export function offerRefused(status: number, body: string): Failure {
  const { message, code } = apiError(body);
  const said = [code, message].filter((part) => part !== "").join(": ");
  const reason = `the provider refused the offer (HTTP ${status}${said === "" ? "" : `, ${said}`})`;
  return troubleAt("offer", reason, adviceFor(status));
}

/** The offer did not reach the provider at all. */
export function offerUnreached(url: string, loopback: boolean): Failure {
  const host = hostOf(url);
  if (loopback) {
    return sandboxUnreached(`nothing answered at ${host}`);
  }
  return troubleAt(
    "offer",
    `the browser could not reach ${host}`,
    'Check the network and what the browser blocks; signaling="kernel" posts the offer from the kernel instead.',
  );
}

/** No way was found for sound and events. */
export function noPath(reason: string, loopback: boolean): Failure {
  if (loopback && !pageIsLocal()) {
    return sandboxUnreached(reason);
  }
  const advice = loopback
    ? "The sandbox may have ended: connect again, and a new one starts. A firewall or VPN may block UDP, too."
    : "A firewall or VPN may block UDP. Try another network, then connect again.";
  return troubleAt("ice", reason, advice);
}

/** Time is up; `waitingFor` says on whom. */
export function tooLate(waitingFor: Step, seconds: number, kernel: "silent" | "at work", loopback: boolean): Failure {
  const within = `within ${seconds} s`;
  switch (waitingFor) {
    case "secret":
    case "answer":
      return kernel === "silent"
        ? troubleAt(
            waitingFor,
            `the kernel did not answer ${within}`,
            "A cell that is running keeps it busy: wait for it or interrupt it, then connect again. One that was " +
              "shut down does not come back: run the cell anew.",
          )
        : troubleAt(waitingFor, `the kernel got nothing from the provider ${within}`, AGAIN);
    case "offer":
      return troubleAt("offer", `the provider did not answer the offer ${within}`, AGAIN);
    case "ice":
      return noPath(`no connection came about ${within}`, loopback);
    default:
      return troubleAt(waitingFor, `the data channel did not open ${within}`, AGAIN);
  }
}

/** The page is on another machine than the sandbox, or the sandbox is gone. */
function sandboxUnreached(reason: string): Failure {
  return pageIsLocal()
    ? troubleAt(
        "sandbox",
        reason,
        "The sandbox runs on the kernel's machine. If Jupyter comes to you through a tunnel, open a browser there; else make the widget again to start a new sandbox.",
      )
    : troubleAt(
        "sandbox",
        `${reason}: the sandbox runs on the kernel's machine, this page on another one`,
        "Open Jupyter on the kernel's machine, use rtc.HeadlessSession, or a provider both can reach.",
      );
}

function pageIsLocal(): boolean {
  const host = location.hostname;
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || host.startsWith("127.");
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403) {
    return "A client secret lasts 30 s: connect again. If it stays, the key may not use this model.";
  }
  if (status === 429) {
    return "Too many calls, or no credit left: wait a little, then connect again.";
  }
  return status >= 500 ? AGAIN : "Look at the session's configuration: model, voice, tools.";
}

function apiError(body: string): { message: string; code: string } {
  let parsed: Fields = {};
  try {
    const value: unknown = JSON.parse(body);
    parsed = isFields(value) && isFields(value.error) ? value.error : {};
  } catch {
    // Not the API's JSON: the status alone has to do.
  }
  const word = (value: unknown) => (typeof value === "string" ? value.slice(0, 500) : "");
  return { message: word(parsed.message), code: word(parsed.code) };
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "the provider";
  }
}
