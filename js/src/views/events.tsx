/** Every record as it passed: both directions, filtered, searched, at any length. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { createEventList, type EventList, KINDS, type Kind } from "../event_list";
import { glanceOf, type LoggedEvent } from "../events";
import type { Instance } from "../instance";
import type { View } from "../view";
import { countText } from "../words";
import { Button } from "./button";
import { EventDetails } from "./event_details";
import { useVirtualRows } from "./virtual";

const ROW_PX = 23;
/** So close to the end counts as being there, in px. */
const NEAR = 30;

interface EventsViewProps {
  instance: Instance;
  view: View;
}

export function EventsView({ instance, view }: EventsViewProps) {
  const { events } = instance.store;
  const { findEvents } = instance;
  const list = useMemo(() => createEventList(events, findEvents, view.log), [events, findEvents, view]);
  useEffect(() => () => list.dispose(), [list]);
  return (
    <>
      <Tools list={list} goTo={view.showEventAt} grows={instance.store.config.value?.replay == null} />
      <Rows instance={instance} view={view} list={list} />
      {view.event.value >= 0 && view.event.value < events.length() && (
        <EventDetails instance={instance} view={view} list={list} />
      )}
    </>
  );
}

interface ToolsProps {
  list: EventList;
  goTo(t_ms: number): void;
  /** More may come, so that it can be held. */
  grows: boolean;
}

function Tools({ list, goTo: go, grows }: ToolsProps) {
  list.version.value;
  const onInput = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    const second = /^@(\d+(?:\.\d+)?)$/.exec(currentTarget.value.trim())?.[1];
    list.query.value = currentTarget.value;
    if (second !== undefined) {
      go(Number(second) * 1000);
    }
  };
  const hidden = list.hidden();
  return (
    <div class="rtcw-tools" data-lm-suppress-shortcuts="true">
      <input
        type="search"
        class="rtcw-search"
        aria-label="Search events"
        value={list.query.value}
        placeholder="Search events, or @12.5 for a second…"
        onInput={onInput}
        onKeyDown={(event) => event.stopPropagation()}
      />
      <select
        aria-label="Which events"
        value={list.kind.value}
        onChange={({ currentTarget }) => {
          list.kind.value = currentTarget.value as Kind;
        }}
      >
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {kind}
          </option>
        ))}
      </select>
      <button
        type="button"
        aria-pressed={list.collapsed.value}
        title="A run of deltas is one row; getStats are among the notes"
        onClick={() => {
          list.collapsed.value = !list.collapsed.peek();
        }}
      >
        deltas{hidden > 0 && ` ×${hidden.toLocaleString("en")}`}
      </button>
      {grows && (
        <button
          type="button"
          aria-pressed={list.paused.value}
          onClick={() => {
            list.paused.value = !list.paused.peek();
          }}
        >
          {list.paused.value ? "Go on" : "Pause"}
        </button>
      )}
    </div>
  );
}

function Rows({ instance, view, list }: EventsViewProps & { list: EventList }) {
  const { events } = instance.store;
  const box = useRef<HTMLDivElement>(null);
  const following = useSignal(view.event.peek() < 0);
  const top = useRef(0);
  const version = list.version.value;
  const selected = view.event.value;
  const length = list.length();
  const rows = useVirtualRows(box, length, ROW_PX);
  const at = selected < 0 ? -1 : list.rowOf(selected);
  const heard = instance.replay.event.value;
  const now = heard < 0 ? -1 : list.rowOf(heard);

  // It follows the end whenever there are other rows.
  useLayoutEffect(() => {
    if (following.peek() && box.current !== null) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [version, length, following.value]);
  // It goes where somebody looks, not when rows come.
  useLayoutEffect(() => {
    if (at >= 0) {
      following.value = false;
      rows.scrollTo(at, "auto");
    }
  }, [selected]);

  // A recording that plays shows what is heard.
  useLayoutEffect(() => {
    if (now >= 0 && selected < 0) {
      following.value = false;
      rows.scrollTo(now, "auto");
    }
  }, [heard]);

  const look = () => {
    const outer = box.current;
    if (outer !== null) {
      const back = outer.scrollTop < top.current;
      top.current = outer.scrollTop;
      const atEnd = outer.scrollHeight - outer.scrollTop - outer.clientHeight < NEAR;
      following.value = (atEnd && selected < 0) || (following.peek() && !back);
    }
  };
  const move = (to: number) => {
    const place = Math.max(0, Math.min(length - 1, to));
    view.event.value = length === 0 ? -1 : list.row(place).index;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const from = at < 0 ? length : at;
    const places: Record<string, number> = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: length - 1,
    };
    const to = places[event.key];
    if (to !== undefined) {
      move(to);
    } else if (event.key === "Escape" && selected >= 0) {
      view.event.value = -1;
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const follow = () => {
    view.event.value = -1;
    following.value = true;
  };
  const grows = instance.store.activity.busy.value && instance.store.config.value?.replay == null;
  return (
    <div class="rtcw-follows">
      <div
        class="rtcw-log"
        ref={box}
        role="listbox"
        aria-label={`${countText(events.length(), "event")}, ${countText(length, "row")} shown`}
        aria-activedescendant={at >= 0 ? `${view.id}-event-${at}` : undefined}
        aria-busy={list.searching.value}
        tabIndex={0}
        onScroll={look}
        onKeyDown={onKeyDown}
      >
        {length === 0 ? (
          <p class="rtcw-nothing">{nothingText(events.length(), list.searching.value)}</p>
        ) : (
          <div class="rtcw-all" style={{ height: `${rows.height}px` }}>
            {rows.shown.map(({ place, top: start }) => {
              const { index, count } = list.row(place);
              return index < events.length() ? (
                <EventLine
                  key={place}
                  id={`${view.id}-event-${place}`}
                  event={events.at(index)}
                  count={count}
                  place={place}
                  of={length}
                  top={start}
                  selected={place === at}
                  now={place === now}
                  look={() => {
                    view.event.value = index;
                  }}
                />
              ) : null;
            })}
          </div>
        )}
      </div>
      {grows && !following.value && (
        <Button class="rtcw-follow" onClick={follow}>
          Latest ↓
        </Button>
      )}
    </div>
  );
}

function nothingText(all: number, searching: boolean): string {
  return searching ? "Searching…" : all === 0 ? "Nothing has passed yet." : "No event is like that.";
}

const ARROWS = { client: "→", server: "←", local: "·" };
const SENDERS = { client: "sent", server: "received", local: "note" };

interface EventLineProps {
  id: string;
  event: LoggedEvent;
  count: number;
  place: number;
  of: number;
  top: number;
  selected: boolean;
  /** A recording is at this event. */
  now: boolean;
  look(): void;
}

function EventLine({ id, event, count, place, of, top, selected, now, look }: EventLineProps) {
  const edge = count > 1 ? `×${count}` : glanceOf(event);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names this row as the active one
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the list
    <div
      class="rtcw-event"
      id={id}
      role="option"
      aria-selected={selected}
      aria-posinset={place + 1}
      aria-setsize={of}
      data-direction={event.direction}
      data-failed={event.failed}
      data-now={now}
      style={{ transform: `translateY(${top}px)` }}
      onClick={look}
    >
      <span class="rtcw-event-at">{event.t_ms === null ? "" : (event.t_ms / 1000).toFixed(3)}</span>
      <span class="rtcw-arrow" title={SENDERS[event.direction]}>
        <span aria-hidden="true">{ARROWS[event.direction]}</span>
        <span class="rtcw-unseen">{SENDERS[event.direction]}</span>
      </span>
      <span class="rtcw-type">{event.type}</span>
      <span class="rtcw-glance">{edge}</span>
    </div>
  );
}
