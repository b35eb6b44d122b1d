/** The constant of this browser, as `calibrate()` found it: kept in the page's storage, noted with every recording. */

import { type Fields, parseEvent } from "../messages";

const PLACE = "rtc_widget.calibration";

/** Keep what a calibration found; a page that may store nothing forgets it with the call. */
export function keepCalibration(found: Fields): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify(found));
  } catch {
    // Storage is forbidden here, or full: the kernel has noted it too.
  }
}

/** Return what was found last in this browser; null when it was never calibrated. */
export function keptCalibration(): Fields | null {
  try {
    const found = parseEvent(localStorage.getItem(PLACE) ?? "");
    return typeof found.constant_ms === "number" ? found : null;
  } catch {
    return null;
  }
}
