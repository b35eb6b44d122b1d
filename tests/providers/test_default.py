"""Which provider a session gets when none is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rtc_widget import ConfigurationError, OpenAI, Sandbox
from rtc_widget.providers import default_provider


def test_openai_where_its_key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    provider = default_provider()
    assert isinstance(provider, OpenAI)
    assert "canary" not in repr(provider)


def test_the_sandbox_where_there_is_no_key() -> None:
    assert isinstance(default_provider(), Sandbox)


def test_neither_names_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "missing_parts", staticmethod(lambda: ["aiortc"]))
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY.*rtc_widget\[sandbox\].*aiortc"):
        default_provider()


def test_a_sandbox_without_its_parts_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "missing_parts", staticmethod(lambda: ["uvicorn"]))
    with pytest.raises(ConfigurationError, match=r"uvicorn.*pip install 'rtc_widget\[sandbox\]'"):
        Sandbox()


def test_a_sandbox_elsewhere_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTC_SANDBOX_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="key=…"):
        Sandbox("http://127.0.0.1:8765/v1")


def test_a_sandbox_that_does_not_run_yet_starts_to_mint() -> None:
    code = (
        "import asyncio, rtc_widget as rtc\n"
        "secret = asyncio.run(rtc.Sandbox().mint({'type': 'realtime'}))\n"
        "print(secret.value.startswith('ek_'))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"
