"""What the service bills, in USD: from genai-prices' bundled table, or as the user says."""

from __future__ import annotations

import math
import numbers
import warnings
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_MTOK = 1_000_000
_HOUR_S = 3600
_MOST = 2**63
FREE = frozenset({"sandbox"})
"""Models that cost nothing, and so have no price."""


@dataclass(frozen=True, slots=True)
class Price:
    """Prices of one model in USD per million tokens, and per hour of audio; None where there is none.

    Cached tokens are a part of the input tokens and are billed at their own price instead.
    """

    text_in_usd: float | None = None
    audio_in_usd: float | None = None
    image_in_usd: float | None = None
    cached_text_in_usd: float | None = None
    cached_audio_in_usd: float | None = None
    cached_image_in_usd: float | None = None
    text_out_usd: float | None = None
    audio_out_usd: float | None = None
    hour_usd: float | None = None

    def cost_usd(self, bill: Bill) -> float | None:
        """Return what a bill comes to; None when a part of it has no price, or is of an unknown kind.

        Tokens of no stated kind are text, but for those of a spoken answer and cached ones.

        Parameters
        ----------
        bill : Bill
            The counts of one `usage` object.

        Returns
        -------
        float or None
            USD.
        """
        if bill.cached_of_unknown_kind or (bill.spoken_of_unknown_kind and self.speech_has_its_price):
            return None
        text_in, text_out = bill.text_in, bill.text_out
        if text_in is None:
            text_in = (bill.input_tokens or 0) - (bill.audio_in or 0) - (bill.image_in or 0)
        if text_out is None:
            text_out = (bill.output_tokens or 0) - (bill.audio_out or 0)
        total = 0.0
        for count, price, unit in (
            (text_in - (bill.cached_text_in or 0), self.text_in_usd, _MTOK),
            ((bill.audio_in or 0) - (bill.cached_audio_in or 0), self.audio_in_usd, _MTOK),
            ((bill.image_in or 0) - (bill.cached_image_in or 0), self.image_in_usd, _MTOK),
            (bill.cached_text_in, self.cached_text_in_usd, _MTOK),
            (bill.cached_audio_in, self.cached_audio_in_usd, _MTOK),
            (bill.cached_image_in, self.cached_image_in_usd, _MTOK),
            (text_out, self.text_out_usd, _MTOK),
            (bill.audio_out, self.audio_out_usd, _MTOK),
            (bill.seconds, self.hour_usd, _HOUR_S),
        ):
            if not count:
                continue
            if price is None:
                return None
            total += count * price / unit
        return total if bill.says_anything else None

    @property
    def speech_has_its_price(self) -> bool:
        """Whether spoken output costs something else than written."""
        return self.audio_out_usd != self.text_out_usd


class Bill(msgspec.Struct, gc=False, frozen=True):
    """The counts of one `usage` object; None where it does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    text_in: int | None = None
    audio_in: int | None = None
    image_in: int | None = None
    cached_text_in: int | None = None
    cached_audio_in: int | None = None
    cached_image_in: int | None = None
    text_out: int | None = None
    audio_out: int | None = None
    seconds: float | None = None
    cached_of_unknown_kind: int | None = None
    spoken_of_unknown_kind: bool = False

    @classmethod
    def of(cls, usage: Mapping[str, Any], *, spoken: bool = False) -> Bill:
        """Read a `usage` object of the API; `spoken`: of an answer that was."""
        into = _part(usage, "input_token_details")
        out = _part(usage, "output_token_details")
        cached, unknown = _cached(into)
        return cls(
            _count(usage, "input_tokens"),
            _count(usage, "output_tokens"),
            _count(into, "text_tokens"),
            _count(into, "audio_tokens"),
            _count(into, "image_tokens"),
            _count(cached, "text_tokens"),
            _count(cached, "audio_tokens"),
            _count(cached, "image_tokens"),
            _count(out, "text_tokens"),
            _count(out, "audio_tokens"),
            _count(usage, "seconds"),
            unknown,
            spoken
            and bool(_count(usage, "output_tokens"))
            and not {"text_tokens", "audio_tokens"} & out.keys(),
        )

    @property
    def says_anything(self) -> bool:
        """Whether it counts anything at all."""
        return self != _NOTHING


_NOTHING = Bill()


class Prices:
    """Knows what models cost; asks genai-prices once a model."""

    def __init__(self) -> None:
        self.own: dict[str, Price] = {}
        self.version = 0
        self._known: dict[tuple[str, int], Price | None] = {}
        self._warned: set[str | None] = set()

    def cost_usd(self, model: str | None, bill: Bill, at: datetime | None = None) -> float | None:
        """Return what a bill comes to with a model.

        Parameters
        ----------
        model : str or None
            The model's name.
        bill : Bill
            What was billed.
        at : datetime, optional
            When; now, when not given.

        Returns
        -------
        float or None
            USD; None, with one warning a model, when the price is not known. The sandbox costs nothing
            and has no price either, and a service may name no model: None, without a warning.
        """
        price = self.own.get(model or "")
        if model is None or (price is None and model in FREE):
            return None
        if price is None:
            key = model, at.toordinal() if at else 0
            if key not in self._known:
                self._known[key] = look_up(model, at)
            price = self._known[key]
        cost = None if price is None else price.cost_usd(bill)
        if cost is None and bill.says_anything and model not in self._warned:
            self._warned.add(model)
            warnings.warn(_why_unknown(model, bill, price), UserWarning, stacklevel=2)
        return cost


def look_up(model: str, at: datetime | None = None) -> Price | None:
    """Return a model's prices as genai-prices has them bundled; None when it does not know the model."""
    from genai_prices import Usage, calc_price

    def ask(per: int, **counts: int) -> float | None:
        usage = Usage(**counts)
        try:
            total = calc_price(usage, model, provider_id="openai", genai_request_timestamp=at).total_price
        except ValueError:
            return None
        return float(total) * per / max(counts.values()) or None

    one = _MTOK
    try:
        return Price(
            text_in_usd=ask(_MTOK, input_tokens=one),
            audio_in_usd=ask(_MTOK, input_tokens=one, input_audio_tokens=one),
            image_in_usd=ask(_MTOK, input_tokens=one, input_image_tokens=one),
            cached_text_in_usd=ask(_MTOK, input_tokens=one, cache_read_tokens=one),
            cached_audio_in_usd=ask(
                _MTOK,
                input_tokens=one,
                input_audio_tokens=one,
                cache_read_tokens=one,
                cache_audio_read_tokens=one,
            ),
            cached_image_in_usd=ask(
                _MTOK,
                input_tokens=one,
                input_image_tokens=one,
                cache_read_tokens=one,
                cache_image_read_tokens=one,
            ),
            text_out_usd=ask(_MTOK, output_tokens=one),
            audio_out_usd=ask(_MTOK, output_tokens=one, output_audio_tokens=one),
            hour_usd=ask(_HOUR_S, audio_seconds=_HOUR_S),
        )
    except LookupError:
        return None


PRICES = Prices()


def set_price(model: str, *, like: str | None = None, **usd: float | None) -> None:
    """Say what a model costs, over what genai-prices says.

    Parameters
    ----------
    model : str
        The name as the session has it; on Azure, the name of the deployment.
    like : str, optional
        A model of OpenAI's whose prices it has.
    **usd : float or None
        Fields of `Price`: USD per million tokens (`text_in_usd`, `audio_out_usd`, …), or per hour of
        audio (`hour_usd`).

    Raises
    ------
    ConfigurationError
        A model is no name, there is no such field, no price is known for `like`, or one is no number from 0.
    """
    from rtc_widget._errors import ConfigurationError

    given: dict[str, object] = {"model": model, "like": "" if like is None else like}
    for what, named in given.items():
        if not isinstance(named, str):
            raise ConfigurationError(f"{what} is the name of a model, not {named!r}")
    base = Price() if like is None else look_up(like)
    if base is None:
        raise ConfigurationError(f"genai-prices knows no model {like!r}")
    names = [field.name for field in fields(Price)]
    unknown = sorted(usd.keys() - set(names))
    if unknown:
        raise ConfigurationError(f"no price is called {unknown[0]!r}; there are {', '.join(names)}")
    for name, price in usd.items():
        if price is not None and not _is_price(price):
            raise ConfigurationError(f"{name} is a price in USD, 0 or more, or None, not {price!r}")
    PRICES.own[model] = replace(base, **usd)
    PRICES.version += 1


def _is_price(value: object) -> bool:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and 0 <= float(cast("float", value)) < math.inf


def _why_unknown(model: str, bill: Bill, price: Price | None) -> str:
    if price is not None and bill.cached_of_unknown_kind:
        return f"{model!r} counts cached tokens without their kind: what they cost is not known, and is NA."
    if price is not None and bill.spoken_of_unknown_kind:
        return f"{model!r} does not say how many tokens of an answer were spoken: its cost_usd is NA."
    return (
        f"no price is known for the model {model!r}: its cost_usd is NA. "
        "Give one with rtc.frames.set_price(model, like=...) or its own prices."
    )


def _cached(into: Mapping[str, Any]) -> tuple[Mapping[str, Any], int | None]:
    """Return the cached tokens by kind, and how many are of a kind that nobody tells."""
    details, cached = into.get("cached_tokens_details"), _count(into, "cached_tokens")
    if isinstance(details, dict) or not cached:
        return _part(into, "cached_tokens_details"), None
    kinds = [kind for kind in ("text_tokens", "audio_tokens", "image_tokens") if _count(into, kind)]
    return ({kinds[0]: cached}, None) if len(kinds) == 1 else ({}, cached)


def _part(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _count(value: Mapping[str, Any], key: str) -> Any:
    found = value.get(key)
    return found if (type(found) is int and abs(found) < _MOST) or type(found) is float else None
