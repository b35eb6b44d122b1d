/** A turn asked again under several variants: which, how often, and the answers side by side. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Instance } from "../instance";
import { type Answer, type Ask, NOW } from "../prompt";
import { costText, countText, tookText } from "../words";
import { Button } from "./button";
import { PlayButton } from "./play_button";

const REPEATS = [1, 2, 3, 5, 10];
/** The heading of what the session's own configuration answered: another may be in force since. */
const THEN = "as it was when asked";

interface AskAgainProps {
  instance: Instance;
  item_id: string;
  ask: Ask;
}

export function AskAgain({ instance, item_id, ask }: AskAgainProps) {
  const { prompt } = instance;
  const chosen = useSignal<readonly string[]>([NOW]);
  const repeats = useSignal(1);
  const on = useSignal("new_calls");
  const form = useRef<HTMLElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus({ preventScroll: true }), []);
  const names = [NOW, ...prompt.variants.value.filter(({ error }) => error === undefined).map(({ name }) => name)];
  const count = chosen.value.length * repeats.value;
  return (
    <section class="rtcw-ask" ref={form} aria-label="Ask this again">
      <div class="rtcw-ask-how">
        <span class="rtcw-aside">Ask this again</span>
        {names.map((name) => (
          <label key={name} class="rtcw-switch">
            <input
              type="checkbox"
              checked={chosen.value.includes(name)}
              onChange={({ currentTarget }) => {
                const others = chosen.peek().filter((each) => each !== name);
                chosen.value = currentTarget.checked ? [...others, name] : others;
              }}
            />
            {name}
          </label>
        ))}
        <select
          aria-label="How often"
          value={repeats.value}
          onChange={({ currentTarget }) => {
            repeats.value = Number(currentTarget.value);
          }}
        >
          {REPEATS.map((times) => (
            <option key={times} value={times}>
              {times === 1 ? "once each" : `${times} times each`}
            </option>
          ))}
        </select>
        <select
          aria-label="Where"
          value={on.value}
          onChange={({ currentTarget }) => {
            on.value = currentTarget.value;
          }}
        >
          <option value="new_calls">in new calls</option>
          <option value="this_call">in this call</option>
        </select>
        <Button
          class="rtcw-primary"
          off={count === 0 || ask.busy}
          onClick={() => void prompt.ask(item_id, chosen.peek(), repeats.peek(), on.peek())}
        >
          Ask
        </Button>
        <Button class="rtcw-quiet" onClick={() => prompt.closeAsk(item_id)}>
          Close
        </Button>
      </div>
      <p class="rtcw-ask-state" role="status">
        {ask.busy && `Asking for ${countText(count, "answer")}…`}
      </p>
      {ask.problem !== "" && (
        <p class="rtcw-problem" role="alert">
          Not asked: {ask.problem}
        </p>
      )}
      {ask.answers.length > 0 && <Answers instance={instance} answers={ask.answers} />}
    </section>
  );
}

function Answers({ instance, answers }: { instance: Instance; answers: readonly Answer[] }) {
  const { prompt } = instance;
  const variants = [...new Set(answers.map(({ variant }) => variant))];
  const inForce = instance.store.config.value?.variant;
  return (
    <div class="rtcw-answers">
      {variants.map((variant) => (
        <section key={variant} class="rtcw-answers-of" tabIndex={-1} aria-label={`Answers of ${nameOf(variant)}`}>
          <div class="rtcw-answers-head">
            <strong>{nameOf(variant)}</strong>
            <span class="rtcw-spring" />
            {variant !== NOW &&
              (inForce === variant ? (
                <span class="rtcw-aside">in force</span>
              ) : (
                <Button class="rtcw-quiet" off={prompt.busy.value} onClick={() => void prompt.take(variant)}>
                  Keep this one
                </Button>
              ))}
          </div>
          <ol>
            {answers
              .filter((answer) => answer.variant === variant)
              .map((answer) => (
                <li key={answer.id}>
                  {answer.audible && (
                    <PlayButton listener={instance.listener} id={answer.id} params={{ answer: answer.id }} />
                  )}
                  <span class="rtcw-words" dir="auto">
                    {answer.error === null ? (
                      answer.transcript
                    ) : (
                      <span class="rtcw-problem">No answer: {answer.error}</span>
                    )}
                  </span>
                  <span class="rtcw-edge">{factsOf(answer)}</span>
                </li>
              ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function nameOf(variant: string): string {
  return variant === NOW ? THEN : variant;
}

/** The numbers of an answer, heard before inferred; what is only inferred says so by its sign. */
function factsOf({ latency_heard_ms, latency_inferred_ms, cost_usd }: Answer): string {
  const latency =
    latency_heard_ms !== null
      ? tookText(latency_heard_ms)
      : latency_inferred_ms !== null
        ? `≈ ${tookText(latency_inferred_ms)}`
        : "";
  return [latency, cost_usd === null ? "" : costText(cost_usd)].filter((part) => part !== "").join(" · ");
}
