/** The two answers to a tool call that waits for a person. */

import type { Instance } from "../instance";

interface DecideProps {
  instance: Instance;
  tool_call_id: string;
}

export function Decide({ instance, tool_call_id }: DecideProps) {
  const decide = ({ currentTarget }: Event, approve: boolean) => {
    // The buttons go; the focus stays in the row, or in the panel where they stand above its tabs.
    const button = currentTarget as Element;
    const stays = button.closest<HTMLElement>("li.rtcw-row") ?? selectedTab(button);
    stays?.focus({ preventScroll: true });
    instance.decide(tool_call_id, approve);
  };
  return (
    <span class="rtcw-decide">
      <button type="button" onClick={(event) => decide(event, true)}>
        Approve
      </button>
      <button type="button" onClick={(event) => decide(event, false)}>
        Reject
      </button>
    </span>
  );
}

function selectedTab(within: Element): HTMLElement | null | undefined {
  return within.closest(".rtcw")?.querySelector<HTMLElement>("[role=tab][aria-selected=true]");
}
