/** The user's microphone, and plain words for why there is none. */

import { asFailure } from "../exchange";
import type { Processing } from "./devices";

/** Why nothing is heard of the user, and what to try. */
export interface Silence {
  reason: string;
  advice: string;
}

export type Opened = { track: MediaStreamTrack } | Silence;

const TYPE_INSTEAD = "Until then, type or play a file.";

/** Tell whether opening gave a microphone. */
export function isOpen(opened: Opened): opened is { track: MediaStreamTrack } {
  return "track" in opened;
}

/**
 * Open the microphone; never throws: without one the call goes on in silence and says why.
 *
 * `choice` is "auto", "none" or a device id; `processing` says what the browser does to the sound.
 */
export async function openMicrophone(choice: string, processing: Processing): Promise<Opened> {
  if (choice === "none") {
    return { reason: "called without a microphone", advice: "" };
  }
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (devices === undefined) {
    return isSecureContext
      ? {
          reason: "this page is not allowed a microphone",
          advice: `Open the notebook in a browser of its own. ${TYPE_INSTEAD}`,
        }
      : {
          reason: "this page is not secure (plain http), so the browser gives it no microphone",
          advice: `Open Jupyter by https, or at localhost. ${TYPE_INSTEAD}`,
        };
  }
  const audio: MediaTrackConstraints = { ...processing };
  if (choice !== "auto") {
    audio.deviceId = { exact: choice };
  }
  try {
    const track = (await devices.getUserMedia({ audio })).getAudioTracks()[0];
    return track === undefined ? explain("NotFoundError", choice) : { track };
  } catch (thrown) {
    return explain(asFailure(thrown).name, choice);
  }
}

/** Tell whether the browser will ask the user before it gives the microphone. */
export async function willAsk(): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: "microphone" as PermissionName });
    return status.state === "prompt";
  } catch {
    return false;
  }
}

function explain(name: string, choice: string): Silence {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return {
        reason: "permission for the microphone was denied",
        advice: `Allow it in the site settings beside the address, then call again. ${TYPE_INSTEAD}`,
      };
    case "NotFoundError":
      return { reason: "no microphone was found", advice: `Plug one in, then call again. ${TYPE_INSTEAD}` };
    case "OverconstrainedError":
      return {
        reason: `there is no microphone with the id ${choice}`,
        advice: `Call again with microphone="auto". ${TYPE_INSTEAD}`,
      };
    case "NotReadableError":
    case "AbortError":
      return {
        reason: "the microphone could not be started",
        advice: `Another program may hold it: close that one, then call again. ${TYPE_INSTEAD}`,
      };
    default:
      return { reason: `the microphone could not be opened (${name})`, advice: TYPE_INSTEAD };
  }
}
