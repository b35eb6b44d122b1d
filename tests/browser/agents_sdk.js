/** The Agents SDK as somebody uses it: an agent with a function that asks first and a server's tools, over WebRTC. */

import { hostedMcpTool } from "@openai/agents-core";
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

const weather = tool({
  name: "get_weather",
  description: "Look up the weather for a city.",
  parameters: z.object({ city: z.string() }),
  needsApproval: true,
  execute: async ({ city }) => `It is foggy in ${city}.`,
});

globalThis.connect = async (callsUrl, apiKey, serverUrl) => {
  const umbrellas = hostedMcpTool({
    serverLabel: "umbrellas",
    serverUrl,
    allowedTools: ["count_umbrellas"],
    requireApproval: "always",
  });
  const agent = new RealtimeAgent({
    name: "Robin",
    instructions: "Begin with Ahoy.",
    tools: [weather, umbrellas],
  });
  const session = new RealtimeSession(agent, {
    transport: new OpenAIRealtimeWebRTC({ baseUrl: callsUrl }),
    config: { audio: { input: { turnDetection: { type: "server_vad", silenceDurationMs: 500 } } } },
  });
  globalThis.session = session;
  globalThis.problems = [];
  globalThis.asked = [];
  globalThis.seen = [];
  globalThis.words = "";
  session.on("error", (problem) => globalThis.problems.push(JSON.stringify(problem)));
  session.on("tool_approval_requested", (_context, _agent, request) => globalThis.asked.push(request));
  session.transport.on("*", (event) => {
    globalThis.seen.push(event.type);
    if (event.type === "response.output_audio_transcript.delta") globalThis.words += event.delta;
  });
  await session.connect({ apiKey });
};

globalThis.approve = (index) => session.approve(globalThis.asked[index].approvalItem);
