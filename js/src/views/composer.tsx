/** The text box: what is typed here is said to the agent. */

import { useSignal } from "@preact/signals";
import { asFailure } from "../exchange";
import type { Instance } from "../instance";

export function Composer({ instance }: { instance: Instance }) {
  const words = useSignal("");
  const problem = useSignal("");
  const elsewhere = instance.store.elsewhere.value;
  const live = instance.store.activity.state.value === "live" && !elsewhere;
  const invitation = elsewhere ? "The call runs in another page" : "Connect, then talk or type…";
  const sendable = live && words.value.trim() !== "";

  const send = () => {
    const said = words.peek().trim();
    if (said === "" || !live) {
      return;
    }
    words.value = "";
    problem.value = "";
    instance.say(said).catch((thrown: unknown) => {
      problem.value = asFailure(thrown).message;
      // Given back, unless the next thing is being typed already.
      words.value ||= said;
    });
  };

  return (
    <form
      class="rtcw-composer"
      data-lm-suppress-shortcuts="true"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        rows={1}
        aria-label="Type to the agent"
        placeholder={live ? "Type to the agent…" : invitation}
        disabled={!live}
        value={words.value}
        onInput={(event) => {
          words.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          // Notebooks listen for keys too: what is typed here is nobody else's.
          event.stopPropagation();
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      <button type="submit" disabled={!sendable}>
        Send
      </button>
      {problem.value !== "" && (
        <p class="rtcw-composer-problem" role="alert">
          Not sent: {problem.value}
        </p>
      )}
    </form>
  );
}
