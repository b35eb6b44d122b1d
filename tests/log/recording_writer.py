"""A kernel that records as fast as time passes, to be killed: says how many samples are durable."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from rtc_widget.log.event_log import EventLog
from rtc_widget.log.recorder import Recorder

_PIECE = 240


def main() -> None:
    """Record until killed."""
    log = EventLog()
    log.note("rtc.session")
    recorder = Recorder(log, Path(sys.argv[1]))
    recorder.begin()
    begin = time.monotonic()
    n = 0
    while True:
        while n * _PIECE / 24_000 < time.monotonic() - begin:
            pcm = (np.arange(n * _PIECE, (n + 1) * _PIECE) % 30_000 + 1).astype(np.int16).tobytes()
            recorder.keep("user", n * _PIECE, pcm)
            recorder.keep("agent", n * _PIECE, pcm)
            n += 1
        sys.stdout.write(f"{recorder.durable // 2 * _PIECE}\n")
        sys.stdout.flush()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
