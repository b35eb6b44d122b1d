/** One view of the call: a line of state, controls, what is wrong, the transcript, a text box. */

import { render } from "preact";
import type { Instance } from "../instance";
import { pageTheme } from "../theme";
import { Composer } from "./composer";
import { Controls } from "./controls";
import { Header } from "./header";
import { Notices } from "./notices";
import { Transcript } from "./transcript";

export function Panel({ instance }: { instance: Instance }) {
  return (
    <section
      class="rtcw"
      data-theme={pageTheme().value}
      aria-label="Voice call"
      onPointerDown={instance.touched}
      onKeyDown={instance.touched}
    >
      <Header store={instance.store} />
      <Controls instance={instance} />
      <Notices instance={instance} />
      <Transcript instance={instance} />
      <Composer instance={instance} />
    </section>
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
