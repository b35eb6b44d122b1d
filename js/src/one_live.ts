/** One live microphone per page: whoever calls takes the place of whoever is on a call. */

export interface Holder {
  hangUp(reason: string): void;
}

/** Each widget runs in a module of its own, so the place is kept where all of them can see it. */
const PLACE = Symbol.for("rtc_widget.live");

type Page = typeof globalThis & { [PLACE]?: Holder | undefined };

/** Take the page's one place for a call; whoever had it hangs up and says why. */
export function takeThePlace(holder: Holder): void {
  const page: Page = globalThis;
  const other = page[PLACE];
  page[PLACE] = holder;
  if (other !== undefined && other !== holder) {
    other.hangUp("another widget of this page started a call");
  }
}

/** Leave the place, if it is still this holder's. */
export function leaveThePlace(holder: Holder): void {
  const page: Page = globalThis;
  if (page[PLACE] === holder) {
    page[PLACE] = undefined;
  }
}
