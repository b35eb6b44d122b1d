/** The two answers to a tool call that waits for a person. */

import type { Instance } from "../instance";

interface DecideProps {
  instance: Instance;
  tool_call_id: string;
}

export function Decide({ instance, tool_call_id }: DecideProps) {
  const decide = ({ currentTarget }: Event, approve: boolean) => {
    // The buttons go; the focus stays in the row.
    (currentTarget as Element).closest("li")?.focus({ preventScroll: true });
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
