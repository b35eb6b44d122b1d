/** The two answers to a tool call that waits for a person. */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Instance } from "../instance";
import type { View } from "../view";
import { Button } from "./button";

/** So soon after a decision, a click on the next is a second one on the last: it went, and this moved in its place. */
const TOO_SOON_MS = 500;

interface DecideProps {
  instance: Instance;
  view: View;
  tool_call_id: string;
  /** It stands in the transcript: as long as it is in sight there, it need not stand above the tabs. */
  inRow?: boolean;
}

export function Decide({ instance, view, tool_call_id, inRow = false }: DecideProps) {
  const here = useRef<HTMLSpanElement>(null);
  useLayoutEffect(
    () => (inRow && here.current !== null ? watchSight(here.current, view, tool_call_id) : undefined),
    [view, tool_call_id, inRow],
  );
  const decide = (approve: boolean) => () => {
    const { decided } = view;
    const at_ms = performance.now();
    if (tool_call_id !== decided.tool_call_id && at_ms < decided.at_ms + TOO_SOON_MS) {
      return;
    }
    view.decided = { tool_call_id, at_ms };
    // The buttons go; the focus stays in the row, or in the panel where they stand above its tabs.
    const stays = here.current?.closest<HTMLElement>("li.rtcw-row") ?? selectedTab(here.current);
    stays?.focus({ preventScroll: true });
    instance.decide(tool_call_id, approve);
  };
  return (
    <span class="rtcw-decide" ref={here}>
      <Button onClick={decide(true)}>Approve</Button>
      <Button onClick={decide(false)}>Reject</Button>
    </span>
  );
}

/** Keep the view told whether an element can be seen where it scrolls; returns how to stop. */
function watchSight(element: HTMLElement, view: View, tool_call_id: string): () => void {
  const tell = (inSight: boolean) => {
    const others = view.seen.peek().filter((each) => each !== tool_call_id);
    view.seen.value = inSight ? [...others, tool_call_id] : others;
  };
  const observer = new IntersectionObserver((entries) => tell(entries.at(-1)?.isIntersecting === true), {
    root: element.closest(".rtcw-scroll"),
  });
  tell(true);
  observer.observe(element);
  return () => {
    observer.disconnect();
    tell(false);
  };
}

function selectedTab(within: Element | null): HTMLElement | null | undefined {
  return within?.closest(".rtcw")?.querySelector<HTMLElement>("[role=tab][aria-selected=true]");
}
