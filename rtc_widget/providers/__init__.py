"""Where calls are made: mint client secrets, answer SDP offers."""

from __future__ import annotations

from rtc_widget.providers.base import Answer, ClientSecret, Provider
from rtc_widget.providers.default import default_provider
from rtc_widget.providers.openai import OpenAI
from rtc_widget.providers.sandbox import Sandbox

__all__ = ["Answer", "ClientSecret", "OpenAI", "Provider", "Sandbox", "default_provider"]
