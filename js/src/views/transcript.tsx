/** Both sides of the conversation as it goes; it follows the last line until the reader scrolls away. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Instance } from "../instance";
import type { View } from "../view";
import { countText } from "../words";
import { Button } from "./button";
import { Moment } from "./moment";
import { TranscriptRow } from "./row";

/** So close to the end counts as being there, in px. */
const NEAR = 24;
/** So many rows are there at once; earlier ones come when somebody asks. */
const MOST_ROWS = 200;

export function Transcript({ instance, view }: { instance: Instance; view: View }) {
  const { store } = instance;
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const { following } = view;
  const top = useRef(0);
  const rows = store.rows.value;
  const sought = view.row.value;
  const first = useRef(0);
  const heard = useRef("");
  const asked = useSignal(0);
  /** What lay below the top of the box when earlier rows were asked for, in px. */
  const below = useRef(0);
  asked.value;
  if (following.value) {
    first.current = Math.max(0, rows.length - MOST_ROWS);
  }
  if (sought !== "") {
    const place = rows.findIndex((row) => row.peek().key === sought);
    first.current = place < 0 ? first.current : Math.min(first.current, place);
  }
  const shown = rows.slice(first.current);

  useEffect(() => {
    const [outer, inner] = [box.current, list.current];
    if (outer === null || inner === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() => {
      if (following.peek()) {
        toEnd(outer, top);
      }
    });
    observer.observe(inner);
    return () => observer.disconnect();
  }, [following]);

  // Rows that leave at the top move what is seen: it is at the end again before anybody takes that for scrolling.
  useLayoutEffect(() => {
    if (following.peek() && box.current !== null) {
      toEnd(box.current, top);
    }
  }, [rows, following.value]);

  // Earlier rows come above what the reader looks at, which stays where it is.
  useLayoutEffect(() => {
    if (asked.peek() > 0 && box.current !== null) {
      box.current.scrollTop = box.current.scrollHeight - below.current;
      top.current = box.current.scrollTop;
    }
  }, [asked.value]);

  // Who asks a turn again looks at that turn.
  const asking = instance.prompt.asks.value.size;
  useEffect(() => {
    if (asking > 0) {
      view.follow(false);
    }
  }, [asking, view]);

  // A recording that plays shows the row that is heard; a row that was shown is left to the reader while nothing plays.
  const inFront = view.tab.value === "transcript";
  useEffect(() => {
    const { replay, pieces } = instance;
    const show = (key: string) => {
      const row = key === "" ? null : list.current?.querySelector(`[data-key="${key}"]`);
      if (row != null && box.current !== null && (key !== heard.current || pieces.playing.peek())) {
        heard.current = key;
        view.follow(false);
        keepInSight(box.current, row);
      }
    };
    return inFront ? replay.row.subscribe(show) : undefined;
  }, [instance, view, inFront]);

  // It goes where somebody was led to, once.
  useEffect(() => {
    const found = sought === "" ? null : list.current?.querySelector(`[data-key="${sought}"]`);
    if (found instanceof HTMLElement) {
      view.follow(false);
      found.scrollIntoView({ block: "nearest" });
      found.focus({ preventScroll: true });
    }
  }, [sought, view.tab.value]);

  const look = () => {
    const outer = box.current;
    if (outer === null) {
      return;
    }
    // Only a reader scrolls back: a log that grows leaves its place where it is, however far the end is by now.
    const back = outer.scrollTop < top.current;
    top.current = outer.scrollTop;
    if (outer.scrollHeight - outer.scrollTop - outer.clientHeight < NEAR) {
      view.follow(true);
    } else if (back) {
      view.follow(false);
    }
  };
  const earlier = () => {
    view.follow(false);
    below.current = box.current === null ? 0 : box.current.scrollHeight - box.current.scrollTop;
    first.current = Math.max(0, first.current - MOST_ROWS);
    asked.value++;
  };
  const follow = () => {
    view.follow(true);
    view.row.value = "";
  };

  return (
    <div class="rtcw-transcript">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div class="rtcw-scroll" ref={box} role="log" aria-label="Transcript" tabIndex={0} onScroll={look}>
        {first.current > 0 && (
          <Button class="rtcw-quiet rtcw-earlier" onClick={earlier}>
            {countText(first.current, "earlier row")}
          </Button>
        )}
        <ol class="rtcw-rows" ref={list}>
          {shown.map((row) => (
            <TranscriptRow key={row.peek().key} row={row} instance={instance} view={view} />
          ))}
        </ol>
        <Moment store={store} empty={rows.length === 0} />
      </div>
      {!following.value && (
        <Button class="rtcw-follow" onClick={follow}>
          Latest ↓
        </Button>
      )}
    </div>
  );
}

/** Go to the end of a box, and remember that it was no reader who went there. */
function toEnd(box: HTMLElement, top: { current: number }): void {
  box.scrollTop = box.scrollHeight;
  top.current = box.scrollTop;
}

/** Scroll a box, and nothing around it, so far that one of its rows is seen. */
function keepInSight(box: HTMLElement, row: Element): void {
  const [outer, inner] = [box.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top < outer.top) {
    box.scrollTop += inner.top - outer.top;
  } else if (inner.bottom > outer.bottom) {
    box.scrollTop += inner.bottom - outer.bottom;
  }
}
