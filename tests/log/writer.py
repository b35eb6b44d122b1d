"""A kernel that receives 1,000 events a second, to be killed: says on stdout how many it has received."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rtc_widget.log.event_log import EventLog
from rtc_widget.log.journal import Journal

EVENT = '{"type": "response.output_audio_transcript.delta", "item_id": "item_1", "delta": "word", "n": %d}'


def main() -> None:
    """Append until killed."""
    log = EventLog(journal=Journal(Path(sys.argv[1])))
    begin = time.monotonic()
    n = 0
    while True:
        due = int((time.monotonic() - begin) * 1000)
        while n < due:
            log.append("server", EVENT % n)
            n += 1
        sys.stdout.write(f"{n} {time.monotonic()}\n")
        sys.stdout.flush()
        time.sleep(0.002)


if __name__ == "__main__":
    main()
