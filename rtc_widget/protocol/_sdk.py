"""The `openai` package's own types of client events, read without importing the whole package."""

from __future__ import annotations

import collections.abc
import importlib
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from rtc_widget._errors import ConfigurationError

__all__ = ["client_event_types", "client_secret_type"]

_ALIAS = "rtc_widget.protocol._openai"
_lock = threading.Lock()


def client_event_types() -> tuple[Any, Any]:
    """Read what a client event may be.

    Returns
    -------
    tuple
        The union of all client events, and the `response.create` whose input may hold references, both as
        TypedDicts.

    Raises
    ------
    ConfigurationError
        When the installed `openai` has no realtime types.
    """
    events = _load("realtime_client_event_param").RealtimeClientEventParam
    references = _load("response_create_event_with_references_param")
    return events, references.ResponseCreateEventWithReferencesParam


def client_secret_type() -> Any:
    """Read what the body of `POST /realtime/client_secrets` may hold, as a TypedDict."""
    return _load("client_secret_create_params").ClientSecretCreateParams


def _load(module: str) -> ModuleType:
    with _lock:
        try:
            return _load_alone(module)
        except (ImportError, AttributeError):
            # An SDK laid out otherwise than today's: its front door always works, only slower.
            pass
    try:
        return importlib.import_module(f"openai.types.realtime.{module}")
    except ImportError as error:
        raise ConfigurationError(
            f"The installed `openai` has no {module}. Install one that has: pip install 'openai>=3.54'."
        ) from error


def _load_alone(module: str) -> ModuleType:
    # `import openai` costs 0.7 s (every client, every resource), the sixty small files of these types 0.04 s.
    # Packages under another name and without their `__init__` leave the SDK itself untouched.
    if _ALIAS not in sys.modules:
        found = importlib.util.find_spec("openai")
        if found is None or found.origin is None:
            raise ImportError("openai")
        root = Path(found.origin).parent
        for name in ("", ".types", ".types.realtime", ".types.responses", ".types.shared_params"):
            package = ModuleType(_ALIAS + name)
            package.__path__ = [str(root.joinpath(*name.split(".")))]
            sys.modules[_ALIAS + name] = package
        helper = ModuleType(f"{_ALIAS}._types")
        helper.SequenceNotStr = collections.abc.Sequence  # type: ignore[attr-defined]  # as the SDK has it at run time
        sys.modules[f"{_ALIAS}._types"] = helper
    return importlib.import_module(f"{_ALIAS}.types.realtime.{module}")
