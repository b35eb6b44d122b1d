/** The Agents SDK as somebody uses it: an agent with a function, in a session over WebRTC. */

import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

const weather = tool({
  name: "get_weather",
  description: "Look up the weather for a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `It is foggy in ${city}.`,
});

globalThis.connect = async (callsUrl, apiKey) => {
  const agent = new RealtimeAgent({ name: "Robin", instructions: "Begin with Ahoy.", tools: [weather] });
  const session = new RealtimeSession(agent, {
    transport: new OpenAIRealtimeWebRTC({ baseUrl: callsUrl }),
    config: { audio: { input: { turnDetection: { type: "server_vad", silenceDurationMs: 500 } } } },
  });
  globalThis.session = session;
  globalThis.problems = [];
  session.on("error", (problem) => globalThis.problems.push(JSON.stringify(problem)));
  await session.connect({ apiKey });
};
