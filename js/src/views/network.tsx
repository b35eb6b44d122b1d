/** The Network tab: how good the line is, in small charts with their thresholds, and in plain words. */

import type { Instance } from "../instance";
import { METRICS, type Metric, type Sample } from "../quality";
import { tookText } from "../words";

interface Kind {
  name: string;
  /** Beyond it people notice; null where no value is bad in itself. */
  threshold: number | null;
  text(value: number): string;
  /** What is wrong beyond the threshold, and what to try. */
  wrong: string;
  advice: string;
}

const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;
const kilobits = (bps: number) => `${Math.round(bps / 1000)} kbit/s`;

const KINDS: Record<Metric, Kind> = {
  round_trip_ms: {
    name: "Round trip",
    threshold: 400,
    text: tookText,
    wrong: "It is a long way to the service and back, and every answer comes that much later.",
    advice: "A VPN may make the detour: try without, or another network.",
  },
  loss_ratio: {
    name: "Lost packets",
    threshold: 0.05,
    text: percent,
    wrong: "Packets are lost on the way to you, so words go missing.",
    advice: "Move nearer to the router, or use a cable.",
  },
  concealed_ratio: {
    name: "Sound made up",
    threshold: 0.03,
    text: percent,
    wrong: "Sound came too late or not at all and was made up, so the agent sounds broken.",
    advice: "Close what else uses the network, or this machine's processor.",
  },
  jitter_buffer_delay_ms: {
    name: "Jitter buffer",
    threshold: 200,
    text: tookText,
    wrong: "Packets come unevenly, so the browser holds the agent's sound back for long.",
    advice: "Wireless networks do that: try a cable.",
  },
  bit_rate_in_bps: { name: "Received", threshold: null, text: kilobits, wrong: "", advice: "" },
  bit_rate_out_bps: { name: "Sent", threshold: null, text: kilobits, wrong: "", advice: "" },
};

/** A value counts over the last few getStats, so that one bad second alarms nobody. */
const WINDOW = 5;
const WIDTH = 240;
const HEIGHT = 40;
const SHOWN = 120;

export function NetworkView({ instance }: { instance: Instance }) {
  const samples = instance.store.quality.samples.value;
  if (samples.length === 0) {
    return <p class="rtcw-nothing">{nothingText(instance)}</p>;
  }
  const wrong = METRICS.filter((metric) => isBad(metric, recent(samples, metric)));
  return (
    <div class="rtcw-network">
      <div class="rtcw-verdict" role="status">
        {wrong.length === 0 ? (
          <p>The line is good.</p>
        ) : (
          wrong.map((metric) => (
            <p key={metric}>
              <strong>{KINDS[metric].wrong}</strong> <span class="rtcw-aside">{KINDS[metric].advice}</span>
            </p>
          ))
        )}
      </div>
      <div class="rtcw-charts">
        {METRICS.map((metric) => (
          <Chart key={metric} metric={metric} samples={samples.slice(-SHOWN)} />
        ))}
      </div>
    </div>
  );
}

function nothingText({ store }: Instance): string {
  return store.activity.state.value === "live" ? "Measuring…" : "Measured once a second while a call is up.";
}

function recent(samples: readonly Sample[], metric: Metric): number | null {
  const values = samples
    .slice(-WINDOW)
    .map(({ values: all }) => all[metric])
    .filter((value) => value !== undefined);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function isBad(metric: Metric, value: number | null): boolean {
  const { threshold } = KINDS[metric];
  return threshold !== null && value !== null && value > threshold;
}

function Chart({ metric, samples }: { metric: Metric; samples: readonly Sample[] }) {
  const { name, threshold, text } = KINDS[metric];
  const now = recent(samples, metric);
  const values = samples.map(({ values: all }) => all[metric]);
  const known = values.filter((value) => value !== undefined);
  const most = Math.max(...known, (threshold ?? 0) * 1.25, 1e-9);
  const y = (value: number) => HEIGHT - 1 - (value / most) * (HEIGHT - 4);
  const x = (place: number) => WIDTH - (values.length - 1 - place) * (WIDTH / (SHOWN - 1));
  const points = values
    .map((value, place) => (value === undefined ? "" : `${x(place).toFixed(1)},${y(value).toFixed(1)}`))
    .filter((point) => point !== "");
  const peak = known.length === 0 ? "" : `, ${text(Math.max(...known))} at most`;
  return (
    <figure class="rtcw-chart" data-bad={isBad(metric, now)}>
      <figcaption>
        <span>{name}</span>
        <strong>{now === null ? "–" : text(now)}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${now === null ? "not known" : text(now)}${peak}`}
      >
        {threshold !== null && <line class="rtcw-threshold" x1="0" x2={WIDTH} y1={y(threshold)} y2={y(threshold)} />}
        <polyline points={points.join(" ")} />
      </svg>
      <span class="rtcw-chart-foot">
        {threshold === null ? "the last two minutes" : `noticed beyond ${text(threshold)}`}
      </span>
    </figure>
  );
}
