"""The sandbox: a local service that speaks the Realtime API, with real ears and a real voice."""

from __future__ import annotations
