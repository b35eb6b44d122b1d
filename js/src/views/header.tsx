/** The one line for the corner of an eye: state, time, who is at the other end, the latency last heard. */

import type { PanelConfig } from "../messages";
import type { Store } from "../store";
import { costText, stateText, tookText } from "../words";
import { Clock } from "./clock";

export function Header({ store }: { store: Store }) {
  const state = store.activity.state.value;
  const config = store.config.value;
  const latency_ms = store.latencyHeardMs.value;
  const replay = config?.replay ?? null;
  const cost_usd = config?.cost_usd;
  return (
    <header class="rtcw-header">
      <span class="rtcw-state" role="status">
        <span class="rtcw-dot" data-state={replay ? "ended" : state} />
        {replay ? "Recording" : stateText(state)}
      </span>
      {replay ? (
        <span class="rtcw-name" title={replay.name}>
          {replay.name}
        </span>
      ) : (
        <Clock activity={store.activity} />
      )}
      {config !== null && <About config={config} />}
      {latency_ms !== null && (
        <span class="rtcw-latency" title="latency last heard, from the end of your speech">
          {tookText(latency_ms)}
        </span>
      )}
      {cost_usd != null && (
        <span class="rtcw-cost" title="billed so far">
          {costText(cost_usd)}
        </span>
      )}
      {store.activity.recording.value && replay === null && (
        <span class="rtcw-recording" title="recorded">
          <span aria-hidden="true">●</span> rec
        </span>
      )}
    </header>
  );
}

function About({ config }: { config: PanelConfig }) {
  const { provider, sandbox, model, voice, prompt_version, variant, answers } = config;
  const who = [model, voice].filter((part) => part !== "").join(" · ");
  const prompt = variant === null ? `prompt v${prompt_version}` : `prompt v${prompt_version} “${variant}”`;
  return (
    <>
      <span class="rtcw-badge" data-sandbox={sandbox} title={sandbox ? "a local stand-in" : "provider"}>
        {sandbox ? "sandbox" : provider}
      </span>
      <span class="rtcw-about" title={answers ? `${who} · ${prompt}` : who}>
        <span class="rtcw-model">{who}</span>
        {answers && prompt_version > 0 && <span class="rtcw-prompt-version">{prompt}</span>}
      </span>
    </>
  );
}
