"""`resume`: a session whose kernel has died goes on in the next one, with what its page still held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtc_widget._arguments import expanded
from rtc_widget._effective import fields_of
from rtc_widget.log.folders import JOURNAL, OpenLog, resume_log
from rtc_widget.transcription import TranscriptionWidget
from rtc_widget.widget import RealtimeWidget

if TYPE_CHECKING:
    import os

    from rtc_widget.providers import Provider

__all__ = ["resume"]


def resume(
    folder: str | os.PathLike[str],
    *,
    rest: str | os.PathLike[str] | None = None,
    provider: Provider | None = None,
    signaling: str = "ephemeral",
    record: bool = False,
    **fields: Any,
) -> RealtimeWidget:
    """Go on with a session whose kernel has died.

    Show the widget in the notebook: a page that outlived the kernel finds it, hands over every record that
    the journal lacks, and goes on with its call if that is still up. `status` is as the journal left it; a
    call that no page holds any more has ended 15 s after the widget is shown.

    Parameters
    ----------
    folder
        The session's folder, such as `rtc_sessions/2026-11-25T09-30-00-1a2b3c`.
    rest
        The file into which the page saved what it held, where it could not stay open.
    provider, signaling, record
        As of `RealtimeWidget`.
    fields
        Fields of the session over those it had. Tools are given again, in `tools=` or by `@w.tool`.

    Returns
    -------
    RealtimeWidget
        With the log, the frames and the configuration of the session so far; a TranscriptionWidget for one
        that only writes down.

    Raises
    ------
    RecordingError
        There is no session in the folder, its journal cannot be read, or a kernel still writes it.
    """
    place = expanded(folder).absolute()
    place = place.parent if place.name == JOURNAL else place
    log = resume_log(place, None if rest is None else expanded(rest))
    told = [record.event for record in log.records(types={"rtc.config"})]
    effective = told[-1].get("effective") if told else None
    before = fields_of(effective)
    only_writes = isinstance(effective, dict) and effective.get("type") == "transcription"
    make = TranscriptionWidget if only_writes else RealtimeWidget
    try:
        widget = make(
            provider=provider,
            signaling=signaling,
            directory=OpenLog(log, place),
            record=record,
            **{**before, **fields},
        )
    except BaseException:
        log.close()
        raise
    if told and not fields:
        widget.configuration.variant = told[-1].get("variant")
    return widget
