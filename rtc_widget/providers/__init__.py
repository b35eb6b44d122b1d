"""Where calls are made: mint client secrets, answer SDP offers."""

from __future__ import annotations

from rtc_widget.providers.azure import AzureOpenAI
from rtc_widget.providers.base import Answer, ClientSecret, Provider
from rtc_widget.providers.compatible import Compatible
from rtc_widget.providers.default import default_provider
from rtc_widget.providers.openai import OpenAI
from rtc_widget.providers.policy import SecretPolicy
from rtc_widget.providers.sandbox import Sandbox

__all__ = [
    "Answer",
    "AzureOpenAI",
    "ClientSecret",
    "Compatible",
    "OpenAI",
    "Provider",
    "Sandbox",
    "SecretPolicy",
    "default_provider",
]


def __dir__() -> list[str]:
    return __all__
