"""No key gets out of a provider: not by repr, pickle, copy or audit, nor by a traceback's variables."""

from __future__ import annotations

import contextlib
import copy
import pickle
import re
import subprocess
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

import rtc_widget
from rtc_widget import (
    AzureOpenAI,
    Compatible,
    ConfigurationError,
    ConnectionFailed,
    HeadlessSession,
    OpenAI,
    Provider,
    RealtimeWidget,
    Sandbox,
    SecretError,
    attach,
    token_app,
)
from rtc_widget.providers import ClientSecret, sandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.providers.service import Service

CANARY = "canary-0123456789"
EACH: dict[str, Callable[[str], Provider]] = {
    "openai": lambda url: OpenAI(CANARY, base_url=url),
    "azure": lambda url: AzureOpenAI(url, "voice", key=CANARY),
    "azure token": lambda url: AzureOpenAI(url, "voice", token_provider=lambda: CANARY),
    "compatible": lambda url: Compatible(url, key=CANARY),
    "sandbox": lambda url: Sandbox(url, key=CANARY),
}


@pytest.fixture(params=list(EACH))
def make(request: pytest.FixtureRequest) -> Callable[[str], Provider]:
    return EACH[request.param]


def shown_below(error: BaseException) -> str:
    """Return an error with every variable on its way, without the test's own frame, which knows the key."""
    assert error.__traceback__ is not None
    below = error.__traceback__.tb_next
    assert below is not None
    told = ["".join(traceback.format_exception(type(error), error, below))]
    for frame, _ in traceback.walk_tb(below):
        for variable in frame.f_locals.values():
            with contextlib.suppress(AttributeError):  # a provider that is not yet made
                told.append(repr(variable))
    return "\n".join(told)


def test_no_repr_holds_it(make: Callable[[str], Provider]) -> None:
    provider = make("http://127.0.0.1:9/v1")
    assert CANARY not in f"{provider!r} {provider} {vars(provider)!r} {provider.credentials!r}"


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_neither_pickled_nor_copied(
    make: Callable[[str], Provider], how: Callable[[object], object]
) -> None:
    with pytest.raises(ConfigurationError, match="not pickled"):
        how(make("http://127.0.0.1:9/v1"))


KEY = "sk-canary0123456789"
AZURE_KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "misplaced",
    [
        lambda: AzureOpenAI(AZURE_KEY, "voice", key=CANARY),
        lambda: AzureOpenAI("Az9" * 28, "voice", key=CANARY),
        lambda: AzureOpenAI("resource", "Az9" * 28, key=CANARY),
        lambda: OpenAI(CANARY, policy=KEY),  # type: ignore[arg-type]  # wrong on purpose
        lambda: token_app(KEY, authenticate=bool, origins=[]),  # type: ignore[arg-type]  # wrong on purpose
        lambda: attach(KEY),
        lambda: attach("ek_canary0123456789"),
    ],
)
def test_a_key_in_the_place_of_something_else_is_refused_and_not_shown(
    misplaced: Callable[[], object],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        misplaced()
    for key in (KEY, AZURE_KEY, "Az9Az9", "canary"):
        assert key not in str(caught.value)


def test_a_client_secret_is_not_pickled() -> None:
    with pytest.raises(ConfigurationError, match="not pickled"):
        pickle.dumps(ClientSecret(CANARY, 1.0))


async def test_no_variable_of_a_traceback_holds_it(make: Callable[[str], Provider], service: Service) -> None:
    service.answer(401, {"error": {"message": f"Incorrect key {CANARY}."}})
    provider = make(service.base_url)
    with pytest.raises(SecretError) as caught:
        await provider.mint({"type": "realtime"})
    await provider.close()
    assert CANARY not in shown_below(caught.value)


URL = "http://127.0.0.1:9/v1"
WITH_A_SPACE = f"{CANARY} {CANARY}"


@pytest.mark.parametrize(
    "make_wrong",
    [
        lambda: OpenAI(organization="my org"),
        lambda: OpenAI(CANARY, project="my project"),
        lambda: OpenAI(CANARY, base_url="api.openai.com/v1"),
        lambda: OpenAI(CANARY, policy=3),  # type: ignore[arg-type]  # wrong on purpose
        lambda: OpenAI(WITH_A_SPACE),
        lambda: AzureOpenAI("re source", "voice", key=CANARY),
        lambda: AzureOpenAI("resource", "vo ice", key=CANARY),
        lambda: AzureOpenAI("resource", "voice", policy=3),  # type: ignore[arg-type]  # wrong on purpose
        lambda: AzureOpenAI("resource", "voice", key=CANARY, token_provider=lambda: CANARY),
        lambda: AzureOpenAI("resource", "voice", key=WITH_A_SPACE),
        lambda: Compatible("127.0.0.1", key=CANARY),
        lambda: Compatible(URL, key=WITH_A_SPACE),
        lambda: Sandbox("127.0.0.1", key=CANARY),
        lambda: Sandbox(URL, key=WITH_A_SPACE),
        lambda: Provider(URL, {"X-Key": CANARY}, policy=3),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_no_variable_of_a_refused_argument_holds_it(
    make_wrong: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "RTC_SANDBOX_KEY"):
        monkeypatch.setenv(variable, CANARY)
    with pytest.raises(ConfigurationError) as caught:
        make_wrong()
    assert CANARY not in shown_below(caught.value)


async def test_no_variable_holds_a_token_that_is_none() -> None:
    provider = AzureOpenAI(URL, "voice", token_provider=lambda: WITH_A_SPACE)
    with pytest.raises(ConfigurationError, match="holds a space") as caught:
        await provider.mint({"type": "realtime"})
    await provider.close()
    assert CANARY not in shown_below(caught.value)


async def test_no_variable_of_a_request_without_an_answer_holds_it(make: Callable[[str], Provider]) -> None:
    provider = make("http://127.0.0.1:9/v1")
    with pytest.raises(SecretError) as caught:
        await provider.mint({"type": "realtime"})
    await provider.close()
    assert CANARY not in shown_below(caught.value)


async def test_a_token_that_the_service_repeats_is_not_shown_when_there_is_a_fresh_one_by_then(
    service: Service,
) -> None:
    tokens = iter(["first.canary.0123", "second.canary.0123"])
    provider = AzureOpenAI(service.base_url, "voice", token_provider=lambda: next(tokens))
    await provider.credentials.refresh()
    service.answer(401, {"error": {"message": "first.canary.0123 has expired, second.canary.0123 too"}})
    with pytest.raises(SecretError, match=r"\[key\] has expired, \[key\] too"):
        await provider.mint({"type": "realtime"})
    await provider.close()


async def test_a_refused_client_secret_that_the_service_repeats_is_not_shown(service: Service) -> None:
    service.answer(401, {"error": {"message": f"no such secret: {CANARY}"}})
    provider = Compatible(service.base_url)
    with pytest.raises(Exception, match=r"no such secret: \[key\]"):
        await provider.create_call("v=0", secret=ClientSecret(CANARY, 1.0))
    await provider.close()


@pytest.mark.parametrize("before", range(185, 200))
async def test_no_part_of_a_key_is_left_where_a_long_answer_is_cut(service: Service, before: int) -> None:
    service.answer(502, f"<html>{'x' * (before - 7)} {CANARY} </html>")
    provider = Compatible(service.base_url, key=CANARY)
    asking: list[Callable[[], Awaitable[object]]] = [
        lambda: provider.mint({"type": "realtime"}),
        lambda: provider.create_call("v=0"),
        lambda: provider.create_call("v=0", secret=ClientSecret(CANARY, 1.0)),
        lambda: provider.ask_call("rtc_1", "reject", {}),
    ]
    for ask in asking:
        with pytest.raises((SecretError, ConnectionFailed)) as caught:
            await ask()
        assert CANARY[:3] not in str(caught.value)
    await provider.close()


async def test_the_audit_holds_no_secret(make: Callable[[str], Provider], service: Service) -> None:
    service.answer(200, {"value": f"ek_{CANARY}", "expires_at": 1_800_000_000}, x_request_id="req_1")
    provider = make(service.base_url)
    await provider.mint({"type": "realtime", "model": "gpt-realtime-2.1"}, requester="page")
    await provider.close()
    audit = provider.audit
    assert list(audit.columns) == ["time", "model", "expiry", "request_id", "requester", "outcome"]
    assert CANARY not in audit.to_csv()
    row = audit.iloc[0]
    assert (row["request_id"], row["requester"], row["outcome"]) == ("req_1", "page", "minted")
    assert row["expiry"].timestamp() == 1_800_000_000


async def test_a_request_id_that_repeats_the_key_is_not_shown(
    make: Callable[[str], Provider], service: Service
) -> None:
    service.answer(401, {"error": {"message": "no"}}, x_request_id=f"req_{CANARY}")
    provider = make(service.base_url)
    with pytest.raises(SecretError, match="request id") as caught:
        await provider.mint({"type": "realtime"})
    await provider.close()
    assert CANARY not in f"{caught.value} {caught.value.request_id} {provider.audit.to_string()}"


async def test_what_looks_like_a_key_is_not_shown_whosever_it_is(service: Service) -> None:
    service.answer(401, {"error": {"message": "no sk-other-0123, ek_other-0123 or Bearer other-0123"}})
    provider = OpenAI(CANARY, base_url=service.base_url)
    with pytest.raises(SecretError, match=r"no \[key\], \[key\] or Bearer \[key\]"):
        await provider.mint({"type": "realtime"})
    await provider.close()


@pytest.mark.parametrize(
    "make_wrong",
    [
        lambda: OpenAI(CANARY, base_url=CANARY),
        lambda: OpenAI(CANARY, base_url=f"ftp://{CANARY}"),
        lambda: Compatible(CANARY),
        lambda: Sandbox([CANARY]),  # type: ignore[arg-type]
        lambda: HeadlessSession(provider=CANARY),  # type: ignore[arg-type]
        lambda: RealtimeWidget(provider=CANARY),  # type: ignore[arg-type]
    ],
)
def test_a_key_given_in_the_wrong_place_is_not_shown(make_wrong: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_wrong()
    assert CANARY not in str(caught.value)


# -- the environment -------------------------------------------------------------------------------


def test_the_process_of_a_sandbox_is_given_its_own_key_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    def start(*_: object, env: dict[str, str], **__: object) -> NoReturn:
        given.update(env)
        raise OSError("only its environment is asked for")

    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "RTC_SANDBOX_KEY", "RTC_SANDBOX_BRAIN_KEY"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setattr(subprocess, "Popen", start)
    process = sandbox._Process()
    with pytest.raises(OSError, match="only its environment"):
        process.ensure()
    assert {name: value for name, value in given.items() if "KEY" in name} == {"RTC_SANDBOX_KEY": process.key}
    assert CANARY not in given.values()
    assert "PATH" in given


def test_every_key_that_is_read_from_the_environment_is_on_the_list() -> None:
    sources = Path(rtc_widget.__file__).parent.rglob("*.py")
    found = [re.findall(r'environ\b.*"(\w*KEY)"', source.read_text("utf-8")) for source in sources]
    assert not any(found)
