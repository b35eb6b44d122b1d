/** One view of the call: a line of state, controls, what is wrong, and the tabs. */

import { render } from "preact";
import { useMemo } from "preact/hooks";
import type { Instance } from "../instance";
import type { Store } from "../store";
import { pageTheme } from "../theme";
import { createView, TABS } from "../view";
import { Composer } from "./composer";
import { Controls } from "./controls";
import { EventsView } from "./events";
import { Header } from "./header";
import { NetworkView } from "./network";
import { Notices } from "./notices";
import { PromptView } from "./prompt";
import { ReplayBar } from "./replay_bar";
import { TabPanel, Tabs } from "./tabs";
import { TimelineView } from "./timeline";
import { Transcript } from "./transcript";

/** There is nothing to change: what was said and asked for is over, or nothing answers. */
const WITHOUT_PROMPT = TABS.filter((tab) => tab !== "prompt");

export function Panel({ instance }: { instance: Instance }) {
  const { store } = instance;
  const view = useMemo(() => createView(store, instance.opens), [store, instance]);
  const replayed = store.config.value?.replay != null;
  const answers = store.config.value?.answers !== false;
  const prompted = !replayed && answers;
  return (
    <section
      class="rtcw"
      data-theme={pageTheme().value}
      aria-label={replayed ? "Recorded call" : "Voice call"}
      // The notebook has plans of its own for single keys: x would cut the cell with the call in it.
      data-lm-suppress-shortcuts="true"
      onPointerDown={instance.touched}
      onKeyDown={(event) => {
        instance.touched();
        if (!(event.ctrlKey || event.metaKey || event.altKey)) {
          event.stopPropagation();
        }
      }}
    >
      <Header store={store} />
      {replayed ? <ReplayBar instance={instance} view={view} /> : <Controls instance={instance} view={view} />}
      <Notices instance={instance} view={view} />
      <Tabs view={view} tabs={prompted ? TABS : WITHOUT_PROMPT} aside={{ events: <EventCount store={store} /> }} />
      <TabPanel view={view} tab="transcript" stays>
        <Transcript instance={instance} view={view} />
        {prompted && <Composer instance={instance} />}
      </TabPanel>
      <TabPanel view={view} tab="events">
        <EventsView instance={instance} view={view} />
      </TabPanel>
      <TabPanel view={view} tab="timeline">
        <TimelineView instance={instance} view={view} />
      </TabPanel>
      {prompted && (
        <TabPanel view={view} tab="prompt">
          <PromptView instance={instance} />
        </TabPanel>
      )}
      <TabPanel view={view} tab="network">
        <NetworkView instance={instance} />
      </TabPanel>
    </section>
  );
}

function EventCount({ store }: { store: Store }) {
  store.events.version.value;
  const count = store.events.length();
  return count === 0 ? null : (
    <sup>
      <span class="rtcw-unseen"> </span>
      {count.toLocaleString("en")}
    </sup>
  );
}

/** Show an instance in an element of the host; returns how to take it away again. */
export function mountPanel(instance: Instance, el: HTMLElement): () => void {
  render(<Panel instance={instance} />, el);
  const detach = instance.attach(el);
  const observer = new IntersectionObserver((entries) => {
    instance.setVisible(el, entries.at(-1)?.isIntersecting === true);
  });
  observer.observe(el);
  return () => {
    observer.disconnect();
    instance.setVisible(el, false);
    detach();
    render(null, el);
  };
}
