"""Who may ask, from a file: one user a line, a name and a token of at least 16 characters."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from starlette.requests import Request

__all__ = ["bearer_of"]

_SHORTEST = 16


def bearer_of(path: str | os.PathLike[str]) -> Callable[[Request], str | None]:
    """Return what tells users by the Bearer tokens of a file.

    Parameters
    ----------
    path
        Lines of `name token`; empty ones and those that begin with # are left out.

    Raises
    ------
    ConfigurationError
        For a file that cannot be read, or holds no user; no message shows a token.
    """
    users: dict[str, bytes] = {}
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The users' file {path} cannot be read: {error}.") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or len(words[1]) < _SHORTEST or words[0] in users:  # noqa: PLR2004 - name and token
            raise ConfigurationError(
                f"{path}, line {number}: a user is a name of its own and a token of at least {_SHORTEST} "
                "characters, with a space between."
            )
        users[words[0]] = words[1].encode()
    if not users:
        raise ConfigurationError(f"The users' file {path} holds no user: nobody could ask.")

    def authenticate(request: Request) -> str | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token.strip().encode() if scheme.lower() == "bearer" else b""
        # Every token is compared, so that the time it takes tells nothing.
        found = [name for name, own in users.items() if hmac.compare_digest(own, given)]
        return found[0] if found else None

    return authenticate
