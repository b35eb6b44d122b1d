"""Hugging Face's speech-to-speech as a server, with a stand-in where its models would be.

Its whole Realtime side is theirs: HTTP, WebRTC, data channel, session, events. Hearing and speaking need
models of gigabytes; in their place every request for a response is answered with one sentence and a tone.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from queue import Queue
from typing import Any

import numpy as np
import uvicorn
from speech_to_speech.api.openai_realtime.pipeline_unit import PipelineUnit
from speech_to_speech.api.openai_realtime.service import RealtimeService
from speech_to_speech.api.openai_realtime.websocket_router import create_app
from speech_to_speech.pipeline.cancel_scope import CancelScope
from speech_to_speech.pipeline.control import is_control_message
from speech_to_speech.pipeline.events import AssistantOutputEvent, AssistantResponseDoneEvent
from speech_to_speech.pipeline.messages import AUDIO_RESPONSE_DONE, AudioOutput, GenerateResponseRequest

RATE_HZ = 16_000
CHUNK = 512


def main() -> None:
    """Serve until stopped; print the address first."""
    listening = socket.create_server(("127.0.0.1", 0))
    unit = make_unit()
    threading.Thread(target=answer, args=(unit,), daemon=True).start()
    threading.Thread(target=drain, args=(unit,), daemon=True).start()
    sys.stdout.write(json.dumps({"base_url": f"http://127.0.0.1:{listening.getsockname()[1]}/v1"}) + "\n")
    sys.stdout.flush()
    app = create_app([unit], threading.Event())
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def make_unit() -> PipelineUnit:
    """Return one pipeline without handlers."""
    prompts: Queue[Any] = Queue()
    should_listen = threading.Event()
    return PipelineUnit(
        index=0,
        service=RealtimeService(text_prompt_queue=prompts, should_listen=should_listen),
        cancel_scope=CancelScope(),
        should_listen=should_listen,
        response_playing=threading.Event(),
        input_queue=Queue(),
        output_queue=Queue(),
        text_output_queue=Queue(),
        text_prompt_queue=prompts,
        handlers=[],
    )


def answer(unit: PipelineUnit) -> None:
    """Answer every request as a language model and a voice would, through the same queues."""
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ // 2) / RATE_HZ)).astype(np.int16)
    while True:
        request = unit.text_prompt_queue.get()
        if not isinstance(request, GenerateResponseRequest):
            continue
        mark = {"response_key": request.response_key, "turn_id": request.turn_id}
        put = unit.output_queue.put
        put(AssistantOutputEvent(text="Here is a tone.", turn_revision=request.turn_revision, **mark))
        for start in range(0, len(tone), CHUNK):
            put(AudioOutput(audio=tone[start : start + CHUNK], response_key=request.response_key))
        put(AssistantResponseDoneEvent(turn_revision=request.turn_revision, **mark))
        put(AudioOutput(audio=AUDIO_RESPONSE_DONE, response_key=request.response_key))


def drain(unit: PipelineUnit) -> None:
    """Take the sound in, and pass on what says that a session is over."""
    while True:
        item = unit.input_queue.get()
        if is_control_message(item):
            unit.output_queue.put(item)


if __name__ == "__main__":
    main()
