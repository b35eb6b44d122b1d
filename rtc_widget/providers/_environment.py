"""What of the environment keeps every request from leaving: proxies and certificates that are none."""

from __future__ import annotations

import os

from rtc_widget._secrets import masked_address

__all__ = ["hindrance"]

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def hindrance(error: Exception) -> str:
    """Say why no HTTP client could be made, and where to look.

    Parameters
    ----------
    error
        What making it raised.
    """
    from httpx import InvalidURL

    # Its words are a part of the proxy's address, and may be one of its password.
    said = "" if isinstance(error, InvalidURL) else " ".join(masked_address(str(error)).split()).rstrip(".")
    if isinstance(error, OSError):  # which tells of no file
        where = [f"{name}={os.environ[name]}" for name in _CERTIFICATES if os.environ.get(name)]
    else:
        where = [name for name, value in os.environ.items() if value and name.upper() in _PROXIES]
    look = f" Look at {' and '.join(where)} in the environment." if where else ""
    return f"no request can leave ({said or type(error).__name__}).{look}"
