/** Server events as the service sends them, in its order. */

export const user = {
  started: (item_id: string) => ({ type: "input_audio_buffer.speech_started", audio_start_ms: 1460, item_id }),
  stopped: (item_id: string) => ({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 4256, item_id }),
  committed: (item_id: string, previous_item_id: string | null) => ({
    type: "input_audio_buffer.committed",
    previous_item_id,
    item_id,
  }),
  added: (item_id: string, previous_item_id: string | null) => ({
    type: "conversation.item.added",
    previous_item_id,
    item: {
      id: item_id,
      type: "message",
      status: "completed",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    },
  }),
  typed: (item_id: string, previous_item_id: string | null, text: string) => ({
    type: "conversation.item.added",
    previous_item_id,
    item: { id: item_id, type: "message", status: "completed", role: "user", content: [{ type: "input_text", text }] },
  }),
  delta: (item_id: string, delta: string) => ({
    type: "conversation.item.input_audio_transcription.delta",
    item_id,
    content_index: 0,
    delta,
    obfuscation: "sOu3zwViFH",
  }),
  transcript: (item_id: string, transcript: string) => ({
    type: "conversation.item.input_audio_transcription.completed",
    item_id,
    content_index: 0,
    transcript,
  }),
};

const message = (id: string, status: string, content: object[]) => ({
  id,
  type: "message",
  status,
  role: "assistant",
  content,
});

export const agent = {
  created: (id: string, conversation_id: string | null = "conv_1") => ({
    type: "response.created",
    response: { id, status: "in_progress", status_details: null, output: [], conversation_id },
  }),
  added: (item_id: string, previous_item_id: string | null, response_id: string) => {
    const item = message(item_id, "in_progress", []);
    return [
      { type: "response.output_item.added", response_id, output_index: 0, item },
      { type: "conversation.item.added", previous_item_id, item },
    ];
  },
  delta: (item_id: string, response_id: string, delta: string) => ({
    type: "response.output_audio_transcript.delta",
    response_id,
    item_id,
    output_index: 0,
    content_index: 0,
    delta,
  }),
  audio: (phase: "started" | "stopped" | "cleared", response_id: string) => ({
    type: `output_audio_buffer.${phase}`,
    response_id,
  }),
  done: (item_id: string, response_id: string, transcript: string) => {
    const item = message(item_id, "completed", [{ type: "output_audio", transcript }]);
    return [
      {
        type: "response.output_audio_transcript.done",
        response_id,
        item_id,
        output_index: 0,
        content_index: 0,
        transcript,
      },
      { type: "conversation.item.done", previous_item_id: null, item },
      { type: "response.output_item.done", response_id, output_index: 0, item },
      {
        type: "response.done",
        response: {
          id: response_id,
          status: "completed",
          status_details: null,
          output: [item],
          conversation_id: "conv_1",
        },
      },
    ];
  },
  cancelled: (response_id: string, reason: string) => ({
    type: "response.done",
    response: {
      id: response_id,
      status: "cancelled",
      status_details: { type: "cancelled", reason },
      output: [],
      conversation_id: "conv_1",
    },
  }),
  truncated: (item_id: string, audio_end_ms: number) => ({
    type: "conversation.item.truncated",
    item_id,
    content_index: 0,
    audio_end_ms,
  }),
};

export const session = (silence_duration_ms: number | null, transcription = true) => ({
  type: "session.updated",
  session: {
    type: "realtime",
    audio: {
      input: {
        transcription: transcription ? { model: "gpt-transcribe" } : null,
        turn_detection: silence_duration_ms === null ? null : { type: "server_vad", silence_duration_ms },
      },
    },
  },
});

export const tool = {
  call: (item_id: string, previous_item_id: string, tool_call_id: string, name: string, args: string) => {
    const item = (status: string, written: string) => ({
      id: item_id,
      type: "function_call",
      status,
      name,
      call_id: tool_call_id,
      arguments: written,
    });
    return [
      { type: "conversation.item.added", previous_item_id, item: item("in_progress", "") },
      { type: "conversation.item.done", previous_item_id: null, item: item("completed", args) },
    ];
  },
  output: (tool_call_id: string, output: string) => ({
    type: "conversation.item.create",
    item: { type: "function_call_output", call_id: tool_call_id, output },
  }),
};
