/** The tabs, by pointer and by keyboard; what is not in front is not there. */

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { Tab, View } from "../view";

const NAMES: Record<Tab, string> = {
  transcript: "Transcript",
  events: "Events",
  timeline: "Timeline",
  prompt: "Prompt",
  network: "Network",
};

interface TabsProps {
  view: View;
  tabs: readonly Tab[];
  /** What stands small beside a tab's name. */
  aside: Partial<Record<Tab, ComponentChildren>>;
}

export function Tabs({ view, tabs, aside }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  const front = view.tab.value;
  const onKeyDown = (event: KeyboardEvent) => {
    const place = tabs.indexOf(front);
    const places: Record<string, number> = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: -1 };
    const next = tabs.at((places[event.key] ?? Number.NaN) % tabs.length);
    if (event.key in places && next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      view.tab.value = next;
      list.current?.querySelector<HTMLElement>(`#${view.id}-tab-${next}`)?.focus();
    }
  };
  return (
    <div class="rtcw-tabs" role="tablist" aria-label="Views of the call" ref={list} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`${view.id}-tab-${tab}`}
          aria-selected={tab === front}
          aria-controls={`${view.id}-panel-${tab}`}
          tabIndex={tab === front ? 0 : -1}
          onClick={() => {
            view.tab.value = tab;
          }}
        >
          {NAMES[tab]}
          {aside[tab]}
        </button>
      ))}
    </div>
  );
}

interface TabPanelProps {
  view: View;
  tab: Tab;
  /** It stays there when another is in front, for those who hear it. */
  stays?: boolean;
  children: ComponentChildren;
}

export function TabPanel({ view, tab, stays = false, children }: TabPanelProps) {
  const front = view.tab.value === tab;
  return (
    <div
      class="rtcw-panel"
      role="tabpanel"
      id={`${view.id}-panel-${tab}`}
      aria-labelledby={`${view.id}-tab-${tab}`}
      hidden={!front}
    >
      {(front || stays) && children}
    </div>
  );
}
