// A kernel with a log of any length, as the widget in this page sees it, and what its panel costs the page.
(() => {
  const listeners = new Map();
  const longTasks = [];
  new PerformanceObserver((list) => {
    longTasks.push(...list.getEntries().map(({ startTime, duration }) => ({ startTime, duration })));
  }).observe({ type: "longtask" });

  const item = (number) => `item_${String(Math.floor(number / 40)).padStart(20, "0")}`;
  const make = {
    0: (number) => ({ type: "input_audio_buffer.speech_started", audio_start_ms: number, item_id: item(number) }),
    1: (number) => ({ type: "input_audio_buffer.speech_stopped", audio_end_ms: number, item_id: item(number) }),
    2: (number) => ({ type: "response.create", event_id: `event_${number}` }),
    3: (number) => ({ type: "rtc.tool", phase: "finished", name: "price", output: "3.2", run_ms: number % 90 }),
    4: (number) => ({ type: "error", error: { message: `Needle ${number}`, code: "invalid_value" } }),
  };
  const directions = { 2: "client", 3: "local" };

  function record(number) {
    const place = number % 40 === 4 && number % 1000 !== 4 ? 5 : number % 40;
    const event = make[place]?.(number) ?? {
      type: "response.output_audio_transcript.delta",
      event_id: `event_${number}`,
      response_id: `resp_${Math.floor(number / 40)}`,
      item_id: item(number),
      output_index: 0,
      content_index: 0,
      delta: `word${number} and a little more of what is said `,
    };
    return [number, directions[place] ?? "server", number * 25, JSON.stringify(event)];
  }

  function createModel(length, config) {
    const tell = (message) => {
      for (const listener of listeners.get("msg:custom") ?? []) {
        listener(message, []);
      }
    };
    const answer = (message) => {
      const { page, id, params } = message;
      if (message.kind === "hello") {
        tell({ kind: "welcome", page, received: 0, durable: 0, owner: null, config, length });
      } else if (message.kind === "request" && message.method === "tail") {
        const end = Math.min(params.since + Math.min(500, params.limit), length);
        const records = Array.from({ length: end - params.since }, (_, at) => record(params.since + at));
        tell({ kind: "reply", page, id, ok: true, result: { records, next: end < length ? end : null } });
      }
    };
    return {
      get: () => null,
      on: (name, listener) => listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)),
      off: (name, listener) => listeners.get(name)?.delete(listener),
      send: (message) => void setTimeout(() => answer(message)),
      push(from, count) {
        tell({ kind: "tail", page: "*", records: Array.from({ length: count }, (_, at) => record(from + at)) });
      },
    };
  }

  const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

  window.bench = {
    longTasks: (since) => longTasks.filter(({ startTime }) => startTime >= since).map(({ duration }) => duration),
    createModel,
    painted,
    /** Do something, and return the ms until a condition holds and has been painted. */
    async until(act, holds, most_ms = 20_000) {
      const began = performance.now();
      act();
      do {
        await painted();
      } while (!holds() && performance.now() - began < most_ms);
      return holds() ? performance.now() - began : Number.NaN;
    },
  };
})();
