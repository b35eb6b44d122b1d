/** The fields of a session that people turn, each at its flat name; what was edited stands out until it is applied. */

import type { ComponentChildren } from "preact";
import { type Fields, isFields } from "../messages";
import type { Prompt, SessionSetup } from "../prompt";

interface FormProps {
  prompt: Prompt;
  setup: SessionSetup;
}

/** Ways in which the user's turn ends, as people say it. */
const ENDS: Record<string, string> = {
  server_vad: "after a silence",
  semantic_vad: "when it sounds finished",
  "": "by hand (hold to talk)",
};
const REDUCTIONS: Record<string, string> = { "": "off", near_field: "near field", far_field: "far field" };

const object = (value: unknown): Fields => (isFields(value) ? value : {});
const word = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

export function SessionForm({ prompt, setup }: FormProps) {
  const value = (name: string): unknown => {
    const draft = prompt.draft.value;
    return name in draft ? draft[name] : setup.fields[name];
  };
  const edited = (name: string) => name in prompt.draft.value;
  const edit = prompt.edit;
  const voice = value("voice");
  const detection = object(value("turn_detection"));
  const transcription = object(value("transcription"));
  const reduction = object(value("noise_reduction"));
  const modalities = value("output_modalities");
  const change = (name: string, whole: Fields, part: string, to: unknown) => edit(name, { ...whole, [part]: to });
  return (
    <div class="rtcw-form">
      <Field name="Instructions" edited={edited("instructions")} tall>
        <textarea
          rows={5}
          aria-label="Instructions"
          value={word(value("instructions"))}
          onInput={({ currentTarget }) => edit("instructions", currentTarget.value)}
        />
      </Field>
      <Field name="Voice" edited={edited("voice") || edited("speed")}>
        <Choice
          label="Voice"
          value={isFields(voice) ? word(voice.id) : word(voice)}
          options={names(setup.choices.voice)}
          choose={(chosen) => edit("voice", chosen.startsWith("voice_") ? { id: chosen } : chosen)}
        />
        <Amount
          label="speed"
          value={value("speed") ?? 1}
          min={0.25}
          max={1.5}
          step={0.05}
          change={(speed) => edit("speed", speed)}
        />
      </Field>
      <Field name="Turn ends" edited={edited("turn_detection")}>
        <Choice
          label="Turn ends"
          value={word(detection.type)}
          options={ENDS}
          choose={(type) => edit("turn_detection", type === "" ? null : { type })}
        />
        {detection.type === "server_vad" && (
          <>
            <Amount
              label="silence, ms"
              value={detection.silence_duration_ms}
              min={0}
              max={10000}
              step={50}
              change={(ms) => change("turn_detection", detection, "silence_duration_ms", ms)}
            />
            <Amount
              label="threshold"
              value={detection.threshold}
              min={0}
              max={1}
              step={0.05}
              change={(threshold) => change("turn_detection", detection, "threshold", threshold)}
            />
          </>
        )}
        {detection.type === "semantic_vad" && (
          <Choice
            label="Eagerness"
            value={word(detection.eagerness) || "auto"}
            options={names(["auto", "low", "medium", "high"])}
            choose={(eagerness) => change("turn_detection", detection, "eagerness", eagerness)}
          />
        )}
        {detection.type !== undefined && (
          <label class="rtcw-switch">
            <input
              type="checkbox"
              checked={detection.interrupt_response !== false}
              onChange={({ currentTarget }) =>
                change("turn_detection", detection, "interrupt_response", currentTarget.checked)
              }
            />
            speech interrupts the agent
          </label>
        )}
      </Field>
      <Field name="Transcription" edited={edited("transcription")}>
        <Choice
          label="Transcription"
          value={word(transcription.model)}
          options={{ "": "off", ...names(setup.choices.transcription) }}
          choose={(model) => edit("transcription", model === "" ? null : { ...transcription, model })}
        />
        {transcription.model !== undefined && (
          <input
            type="text"
            size={8}
            aria-label="Language that is heard"
            placeholder="language"
            value={word(transcription.language)}
            onInput={({ currentTarget }) => {
              const { language: _, ...others } = transcription;
              const language = currentTarget.value.trim();
              edit("transcription", language === "" ? others : { ...others, language });
            }}
          />
        )}
      </Field>
      <Field name="Noise" edited={edited("noise_reduction")}>
        <Choice
          label="Noise reduction"
          value={word(reduction.type)}
          options={REDUCTIONS}
          choose={(type) => edit("noise_reduction", type === "" ? null : { type })}
        />
      </Field>
      <Field name="Answers" edited={edited("output_modalities") || edited("max_output_tokens")}>
        <Choice
          label="Answers in"
          value={Array.isArray(modalities) ? word(modalities[0]) : "audio"}
          options={{ audio: "spoken", text: "written" }}
          choose={(modality) => edit("output_modalities", [modality])}
        />
        <Choice
          label="Most tokens of an answer"
          value={word(value("max_output_tokens")) || "inf"}
          options={{ inf: "of any length", 256: "256 tokens", 1024: "1024 tokens", 4096: "4096 tokens" }}
          choose={(most) => edit("max_output_tokens", most === "inf" ? most : Number(most))}
        />
      </Field>
    </div>
  );
}

interface FieldProps {
  name: string;
  edited: boolean;
  tall?: boolean;
  children: ComponentChildren;
}

function Field({ name, edited, tall = false, children }: FieldProps) {
  return (
    <>
      <span class={tall ? "rtcw-name rtcw-tall" : "rtcw-name"} data-edited={edited}>
        {name}
        {edited && <span class="rtcw-unseen"> (edited)</span>}
      </span>
      <div class="rtcw-fields">{children}</div>
    </>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: Record<string, string>;
  choose(value: string): void;
}

/** One of several; what is in force is among them, whatever it is. */
function Choice({ label, value, options, choose }: ChoiceProps) {
  const all = value in options ? options : { [value]: value, ...options };
  return (
    <select aria-label={label} value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
      {Object.entries(all).map(([option, name]) => (
        <option key={option} value={option}>
          {name}
        </option>
      ))}
    </select>
  );
}

interface AmountProps {
  label: string;
  value: unknown;
  min: number;
  max: number;
  step: number;
  change(value: number): void;
}

function Amount({ label, value, min, max, step, change }: AmountProps) {
  return (
    <label class="rtcw-switch">
      {label}
      <input
        type="number"
        min={min}
        max={max}
        step={step}
        value={typeof value === "number" ? Math.round(value * 1000) / 1000 : ""}
        onInput={({ currentTarget }) => {
          if (currentTarget.value !== "") {
            change(Number(currentTarget.value));
          }
        }}
      />
    </label>
  );
}

function names(all: readonly string[]): Record<string, string> {
  return Object.fromEntries(all.map((name) => [name, name]));
}
