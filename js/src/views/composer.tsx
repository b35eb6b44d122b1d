/** The text box: what is typed, or a picture or a sound file that was dropped, pasted or chosen. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Attachment, attachmentOf } from "../attachment";
import { asFailure } from "../exchange";
import type { Instance } from "../instance";
import { Button } from "./button";

export function Composer({ instance }: { instance: Instance }) {
  const words = useSignal("");
  const problem = useSignal("");
  const attached = useSignal<Attachment | null>(null);
  const over = useSignal(false);
  const chooser = useRef<HTMLInputElement>(null);
  const elsewhere = instance.store.elsewhere.value;
  const live = instance.store.activity.state.value === "live" && !elsewhere;
  const invitation = elsewhere ? "The call runs in another page" : "Connect, then talk or type…";
  const sendable = live && (words.value.trim() !== "" || attached.value !== null);

  const send = () => {
    const said = words.peek().trim();
    const file = attached.peek();
    if (!live || (said === "" && file === null)) {
      return;
    }
    words.value = "";
    attached.value = null;
    problem.value = "";
    give(instance, said, file).catch((thrown: unknown) => {
      problem.value = `${file === null ? "" : `${file.file.name}: `}${asFailure(thrown).message}`;
      // Given back, unless the next thing is being typed already.
      words.value ||= said;
      attached.value ??= file;
    });
  };
  const take = (files: Iterable<File> | null | undefined): boolean => {
    const found = live ? attachmentOf(files ?? []) : null;
    if (typeof found === "string") {
      problem.value = found;
    } else if (found !== null) {
      problem.value = "";
      attached.value = found;
    }
    return found !== null;
  };

  return (
    <form
      class="rtcw-composer"
      data-lm-suppress-shortcuts="true"
      data-over={over.value}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => {
        if (live && event.dataTransfer?.types.includes("Files")) {
          event.preventDefault();
          event.stopPropagation();
          over.value = true;
        }
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        over.value = false;
        if (take(event.dataTransfer?.files)) {
          event.preventDefault();
          event.stopPropagation();
        }
      }}
      onPaste={(event) => {
        if (take(event.clipboardData?.files)) {
          event.preventDefault();
          event.stopPropagation();
        }
      }}
    >
      {attached.value !== null && (
        <p class="rtcw-attached">
          <span>
            {attached.value.file.name} <span class="rtcw-aside">{howGiven(attached.value)}</span>
          </span>
          <Button
            class="rtcw-quiet"
            aria-label="Take it away"
            onClick={() => {
              attached.value = null;
              problem.value = "";
            }}
          >
            ✕
          </Button>
        </p>
      )}
      <textarea
        dir="auto"
        rows={1}
        aria-label="Type to the agent"
        placeholder={live ? "Type to the agent, paste a picture, or drop a sound file…" : invitation}
        readOnly={!live}
        value={words.value}
        onInput={(event) => {
          words.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          // Notebooks listen for keys too: what is typed here is nobody else's.
          event.stopPropagation();
          // Safari ends a word that is composed before its Enter, and tells by this code alone.
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
            event.preventDefault();
            send();
          }
        }}
      />
      <input
        ref={chooser}
        type="file"
        hidden
        aria-label="A picture or a sound file"
        accept="image/*,audio/*"
        onChange={({ currentTarget }) => {
          take(currentTarget.files);
          currentTarget.value = "";
        }}
      />
      <Button
        aria-label="Attach a picture or a sound file"
        title="Attach a picture or a sound file"
        off={!live}
        onClick={() => chooser.current?.click()}
      >
        +
      </Button>
      <Button type="submit" off={!sendable}>
        Send
      </Button>
      {problem.value !== "" && (
        <p class="rtcw-problem" role="alert">
          Not sent: {problem.value}
        </p>
      )}
    </form>
  );
}

async function give(instance: Instance, said: string, attached: Attachment | null): Promise<void> {
  if (attached === null) {
    await instance.say(said);
    return;
  }
  const buffers = [await attached.file.arrayBuffer()];
  if (attached.kind === "picture") {
    await instance.ask("add_image", { text: said, respond: true }, { buffers });
    return;
  }
  await instance.ask("play", { what: attached.file.name }, { buffers });
  if (said !== "") {
    await instance.say(said);
  }
}

function howGiven({ kind }: Attachment): string {
  return kind === "picture" ? "will be shown to the agent" : "will be spoken in place of the microphone";
}
