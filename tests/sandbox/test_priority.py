"""What is paced in real time goes before what can wait."""

from __future__ import annotations

import os
import sys
import threading

from rtc_widget.sandbox.priority import patient_thread


def test_a_patient_thread_steps_back_where_threads_have_priorities_and_no_other_does() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id() if sys.platform == "linux" else 0)

    before = niceness()
    thread = patient_thread("test")
    assert (thread.submit(niceness).result(timeout=10) > before) is (sys.platform == "linux")
    assert niceness() == before
    thread.shutdown()
