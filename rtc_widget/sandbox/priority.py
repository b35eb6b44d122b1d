"""Threads for work that can wait: sound is paced in real time, and must not wait for it."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["patient_thread"]

_NICER = 5


def patient_thread(name: str) -> ThreadPoolExecutor:
    """Return one thread that lets what is paced go first, where the system can tell threads apart."""
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_step_back)


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER)
