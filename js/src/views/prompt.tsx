/** The Prompt tab: the session as a form and as JSON, edited and applied; variants, and a turn asked again. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Instance } from "../instance";
import { type Fields, isFields } from "../messages";
import { changesBetween, type JsonEdit } from "../prompt";
import { callText, waitingText } from "../words";
import { AskAgain } from "./ask_again";
import { Button } from "./button";
import { CopyButton } from "./copy_button";
import { SessionForm } from "./session_form";
import { Variants } from "./variants";

export function PromptView({ instance }: { instance: Instance }) {
  const { prompt, store } = instance;
  const asJson = useSignal(prompt.json.peek() !== null);
  const version = store.config.value?.prompt_version;
  // It is read again whenever the session becomes another one.
  useEffect(() => {
    void prompt.load();
  }, [prompt, version, store.activity.state.value]);
  const setup = prompt.setup.value;
  if (setup === null) {
    return <p class="rtcw-nothing">{prompt.problem.value || waitingText(store.kernel.value)}</p>;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys typed in its fields are nobody else's
    <div class="rtcw-prompt" data-lm-suppress-shortcuts="true" onKeyDown={(event) => event.stopPropagation()}>
      <div class="rtcw-bar">
        <span class="rtcw-aside">{whatIsShown(instance)}</span>
        <span class="rtcw-spring" />
        <CopyButton text={async () => String((await instance.ask("as_python", {})).code)}>As Python</CopyButton>
        <button
          type="button"
          class="rtcw-quiet"
          aria-pressed={asJson.value}
          onClick={() => {
            asJson.value = !asJson.peek();
          }}
        >
          JSON
        </button>
      </div>
      {asJson.value ? <Json instance={instance} /> : <SessionForm prompt={prompt} setup={setup} />}
      <Actions instance={instance} />
      <Variants instance={instance} />
      <Turns instance={instance} />
    </div>
  );
}

function whatIsShown({ prompt, store }: Instance): string {
  const setup = prompt.setup.value;
  const name = setup?.variant ? ` “${setup.variant}”` : "";
  const live = store.activity.state.value === "live";
  return `v${setup?.version}${name}, ${live ? "in force" : "for the next call"}`;
}

/** Apply, discard, save: for the form; JSON brings its own. */
function Actions({ instance }: { instance: Instance }) {
  const { prompt } = instance;
  const { name } = prompt;
  const busy = prompt.busy.value;
  const count = Object.keys(prompt.draft.value).length;
  const jsonEdited = prompt.json.value !== null;
  return (
    <form
      class="rtcw-bar"
      data-ends="true"
      onSubmit={(event) => {
        event.preventDefault();
        void prompt.save();
      }}
    >
      <Button class="rtcw-primary" off={busy || count === 0} onClick={() => void prompt.apply(prompt.draft.peek())}>
        {count > 1 ? `Apply ${count} changes` : "Apply"}
      </Button>
      {count > 0 && <Button onClick={prompt.discard}>Discard</Button>}
      <span class="rtcw-spring" />
      <input
        type="text"
        aria-label="Name of the variant"
        placeholder="name"
        size={12}
        value={name.value}
        onInput={({ currentTarget }) => {
          name.value = currentTarget.value;
        }}
      />
      <Button
        type="submit"
        off={busy || jsonEdited || name.value.trim() === ""}
        title={jsonEdited ? "Apply or discard the JSON first." : undefined}
      >
        Save as variant
      </Button>
      {prompt.problem.value !== "" && (
        <p class="rtcw-problem" role="alert">
          {prompt.problem.value}
        </p>
      )}
      <p class="rtcw-unseen" role="status">
        {prompt.done.value}
      </p>
      {prompt.done.value !== "" && (
        <span class="rtcw-aside" aria-hidden="true">
          {prompt.done.value}
        </span>
      )}
    </form>
  );
}

/** The session as JSON; what was changed in it is applied. */
function Json({ instance }: { instance: Instance }) {
  const { prompt } = instance;
  const setup = prompt.setup.value;
  const shown = setup !== null && Object.keys(setup.effective).length > 0 ? setup.effective : (setup?.requested ?? {});
  const text = textOf(shown);
  const { json } = prompt;
  const edit = json.value;
  const wrong = useSignal("");
  const apply = async (edited: JsonEdit) => {
    const parsed = parse(edited.text);
    if (typeof parsed === "string") {
      wrong.value = parsed;
      return;
    }
    wrong.value = "";
    if ((await prompt.apply(changesBetween(edited.base, parsed))) && json.peek() === edited) {
      json.value = null;
    }
  };
  return (
    <div class="rtcw-bar">
      <textarea
        class="rtcw-json"
        aria-label="The session as JSON"
        aria-invalid={wrong.value !== ""}
        rows={14}
        spellcheck={false}
        value={edit?.text ?? text}
        onInput={({ currentTarget }) => {
          const base = json.peek()?.base ?? shown;
          json.value = currentTarget.value === textOf(base) ? null : { text: currentTarget.value, base };
        }}
      />
      {edit !== null && (
        <>
          <Button class="rtcw-primary" off={prompt.busy.value} onClick={() => void apply(edit)}>
            Apply JSON
          </Button>
          <Button
            onClick={() => {
              prompt.discardJson();
              wrong.value = "";
            }}
          >
            Discard
          </Button>
          {textOf(edit.base) !== text && (
            <span class="rtcw-aside" role="status">
              The session has changed since; only your own changes are applied.
            </span>
          )}
        </>
      )}
      <CopyButton text={() => json.peek()?.text ?? text}>Copy JSON</CopyButton>
      {wrong.value !== "" && (
        <p class="rtcw-problem" role="alert">
          {wrong.value}
        </p>
      )}
    </div>
  );
}

function textOf(session: Fields): string {
  return JSON.stringify(session, null, 2);
}

function parse(text: string): Fields | string {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : "A session is a JSON object: { … }.";
  } catch (thrown) {
    return `This is no JSON: ${thrown instanceof Error ? thrown.message : ""}`;
  }
}

/** Choose a turn, and ask it again. */
function Turns({ instance }: { instance: Instance }) {
  const { prompt, store } = instance;
  const chosen = useSignal("");
  const asked = store.rows.value
    .map((row) => row.value)
    .filter(({ who, ids, text, busy }) => who === "you" && ids.length > 0 && text !== "" && !busy);
  const ask = prompt.asks.value.get(chosen.value);
  return (
    <section aria-label="Ask a turn again">
      <h3>Ask a turn again</h3>
      {asked.length === 0 ? (
        <p class="rtcw-nothing">Nothing has been asked yet.</p>
      ) : (
        <div class="rtcw-bar">
          <select
            aria-label="Which turn"
            value={chosen.value}
            onChange={({ currentTarget }) => {
              chosen.value = currentTarget.value;
              if (chosen.value !== "") {
                prompt.openAsk(chosen.value);
              }
            }}
          >
            <option value="">choose a turn…</option>
            {asked.map(({ key, ids, at_ms, text }) => (
              <option key={key} value={ids[0]}>
                {callText(at_ms)} {text.length > 60 ? `${text.slice(0, 60)}…` : text}
              </option>
            ))}
          </select>
        </div>
      )}
      {ask !== undefined && (
        <div class="rtcw-variant">
          <AskAgain instance={instance} item_id={chosen.value} ask={ask} />
        </div>
      )}
    </section>
  );
}
