"""Recordings of the real API are read where they stand beside the checkout; they are no part of it."""

from __future__ import annotations

from tests.log.real import RECORDINGS

collect_ignore = [] if RECORDINGS.is_dir() else ["test_real_recordings.py"]
