"""One page that holds a recording whole: the panel, its data and its sound; it asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import itertools
import json
import re
import warnings
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget._panel_recorded import RecordedPanel
from rtc_widget._panel_sound import PanelSound
from rtc_widget._static import read_static
from rtc_widget.log.pages import Row, row_of

if TYPE_CHECKING:
    from pathlib import Path

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.recording import Recording

__all__ = ["MOST_BYTES", "SOUNDS", "write_page"]

MOST_BYTES = 100_000_000
"""Of a page: what browsers still open without thinking about it."""
SOUNDS = {"opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
"""How the sound is compressed, as soundfile says it: format and subtype."""
_PIECE_MS = 10_000
_SUFFIXES = (".html", ".htm")
_KEY = re.compile(r"(?<![A-Za-z0-9])(ek_|sk-)[A-Za-z0-9_-]{8,}")
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 16px; background: Canvas; color: CanvasText; }}
#call {{ max-width: 1100px; margin: 0 auto; font: 14px system-ui, sans-serif; }}
{style}
</style>
</head>
<body>
<main id="call"><noscript>This recorded call is shown by a script in this page.</noscript></main>
<script type="application/json" id="saved">{saved}</script>
<script>{script}</script>
</body>
</html>
"""


def write_page(recording: Recording, path: Path, *, sound: str | None) -> Path:
    """Write the page; the names of its data are those of `js/src/saved/data.ts`.

    Raises
    ------
    ConfigurationError
        No such compression, soundfile is missing, or the page would be larger than `MOST_BYTES`.
    OSError
        It cannot be written.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigurationError(f"A page is a file that ends in .html, not {path.name!r}.")
    kind: object = sound
    if kind is not None and (not isinstance(kind, str) or kind not in SOUNDS):
        raise ConfigurationError(f"sound is one of {', '.join(map(repr, SOUNDS))} or None, not {sound!r}.")
    heard = None if sound is None or recording.audio is None else _sound(recording, sound)
    told, peaks = _told(recording, with_sound=heard is not None)
    saved = {
        **told,
        "peaks": [base64.b64encode(track).decode() for track in peaks],
        "sound": heard,
        "code": {"widget": read_static("widget.js"), "waves": read_static("waves.js")},
    }
    script = read_static("page.js")
    page = _PAGE.format(
        policy=_policy(script),
        title=html.escape(_KEY.sub(r"\1…", told["config"]["replay"]["name"])),
        style=read_static("widget.css").replace("</", "<\\/"),
        saved=json.dumps(saved, ensure_ascii=False).translate(_ESCAPES),
        script=script,
    ).encode("utf-8", "backslashreplace")  # half a character becomes its escape, which JSON reads
    if len(page) > MOST_BYTES:
        raise ConfigurationError(
            f"The page would have {len(page) / 1e6:.0f} MB, and {MOST_BYTES / 1e6:.0f} MB is the most. "
            f'Its sound is the larger part: sound="opus" is the smallest, sound=None leaves it out.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(page)
    return path


def _policy(script: str) -> str:
    """Allow this one script and what it makes itself; no address, not even the page's own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' blob:; style-src 'unsafe-inline'; "
        "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'"
    )


def _told(recording: Recording, *, with_sound: bool) -> tuple[dict[str, Any], list[bytes]]:
    """Return all that the session says, without what looks like a key; and both waveforms."""
    picture = PanelSound(recording).draw()
    peaks = picture.pop("buffers", [])
    config = RecordedPanel(recording).config()
    config["record"] = with_sound
    rows, found = _rows(recording.event_log)
    told = {"config": config, "records": rows, "picture": picture}
    clean, more = _KEY.subn(r"\1…", json.dumps(told, ensure_ascii=False))
    found += more
    if found:
        warnings.warn(
            f"{found} places in this recording look like a key; the page holds none of them. "
            "The recording itself still does: do not give it away.",
            stacklevel=4,
        )
    cleaned: dict[str, Any] = json.loads(clean)
    return cleaned, peaks


def _rows(log: EventLog) -> tuple[list[Row], int]:
    """Return the records as the panel takes them, and how many keys were masked that came in pieces."""
    rows: list[Row] = []
    streams: dict[tuple[Any, ...], list[tuple[int, dict[str, Any]]]] = {}
    for place, record in enumerate(log.records()):
        rows.append(row_of(record))
        if record.type.endswith(".delta") and isinstance(record.event.get("delta"), str):
            part = (record.type, *(str(record.event.get(name)) for name in ("item_id", "content_index")))
            streams.setdefault(part, []).append((place, record.event))
    found = 0
    for stream in streams.values():
        deltas, n_keys = _without_keys([event["delta"] for _, event in stream])
        found += n_keys
        for (place, event), delta in zip(stream, deltas, strict=True):
            if delta != event["delta"]:
                rows[place] = (*rows[place][:3], json.dumps({**event, "delta": delta}, ensure_ascii=False))
    return rows, found


def _without_keys(pieces: list[str]) -> tuple[list[str], int]:
    """Mask what looks like a key in a text that came in pieces; return these, and how many there were."""
    letters = list("".join(pieces))
    spans = [(match.end(1), match.end()) for match in _KEY.finditer("".join(letters))]
    for begin, end in spans:
        letters[begin:end] = ["…", *[""] * (end - begin - 1)]
    ends = itertools.accumulate(map(len, pieces))
    clean = ["".join(letters[end - len(piece) : end]) for piece, end in zip(pieces, ends, strict=True)]
    return clean, len(spans)


def _sound(recording: Recording, compression: str) -> dict[str, Any]:
    """Return the sound in pieces, the user left and the agent right, and where each turn is in it."""
    try:
        import numpy as np
        import soundfile
    except ImportError:
        raise ConfigurationError(
            "A page with sound needs soundfile: run `pip install 'rtc_widget[audio]'`, or give sound=None."
        ) from None
    from rtc_widget.log.tracks import RATE_HZ, TRACKS, frame_at

    tracks = recording.audio
    if tracks is None:
        return {"piece_ms": _PIECE_MS, "pieces": [], "items": {}}
    step = frame_at(_PIECE_MS)
    container, subtype = SOUNDS[compression]
    pieces = []
    for first in range(0, tracks.frames, step):
        sides = np.stack([tracks.read(track, first, first + step) for track in TRACKS], axis=1)
        file = io.BytesIO()
        soundfile.write(file, sides, RATE_HZ, format=container, subtype=subtype)
        pieces.append(base64.b64encode(file.getvalue()).decode())
    sound = PanelSound(recording)
    ids = [item.item_id for item in recording.conversation.items]
    places = {item_id: place for item_id in ids if (place := sound.place(item_id)) is not None}
    items = {item_id: [TRACKS.index(track), begin, end] for item_id, (track, begin, end) in places.items()}
    return {"piece_ms": _PIECE_MS, "pieces": pieces, "items": items}
