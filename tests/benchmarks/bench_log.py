"""The log at size: journal to frames, one more record, memory, appending, paths, SQL over many sessions."""

from __future__ import annotations

import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from itertools import count, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa

from rtc_widget.frames import FRAMES, Frames
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.journal import Journal
from rtc_widget.log.reading import read_file
from rtc_widget.log.saving import save_recording
from tests.benchmarks.figures import Figure
from tests.log.real import RECORDINGS
from tests.log.script import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECORDS = 200_000
REPEATS = 5
SESSIONS = 1000
SESSION_RECORDS = 500
_DIFFERENT = 30
PACED_PER_S = 50_000
PACED_S = 2.0
_ID_KEYS = ("id", "item_id", "response_id", "previous_item_id", "call_id", "event_id")

TEXT = pl.String()
NARROW = pl.Schema(
    {
        "seq": pl.Int64(),
        "direction": TEXT,
        "t_ms": pl.Float64(),
        "t_browser_ms": pl.Float64(),
        "t_kernel_ms": pl.Float64(),
        "rtc_call_id": TEXT,
        "event": pl.Struct(
            {
                "type": TEXT,
                "event_id": TEXT,
                "item_id": TEXT,
                "response_id": TEXT,
                "call_id": TEXT,
                "item": pl.Struct({"id": TEXT, "call_id": TEXT}),
                "response": pl.Struct({"id": TEXT}),
            }
        ),
    }
)

AS_TEXT = pl.Schema({**NARROW, "event": TEXT})
_INNER = pl.col("inner").struct
_SAME = (
    "seq",
    pl.col("direction").cast(pl.Categorical),
    _INNER.field("type").cast(pl.Categorical),
    _INNER.field("event_id"),
    "t_ms",
    "t_browser_ms",
    "t_kernel_ms",
    pl.coalesce(_INNER.field("item_id"), _INNER.field("item").struct.field("id")).alias("item_id"),
    pl.coalesce(_INNER.field("response_id"), _INNER.field("response").struct.field("id")).alias(
        "response_id"
    ),
    pl.coalesce(_INNER.field("call_id"), _INNER.field("item").struct.field("call_id")).alias("tool_call_id"),
    "rtc_call_id",
    "event",
)


def measure() -> Iterator[Figure]:
    """Measure all of it in one run; medians of 5, taken in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = list(islice(traffic(), RECORDS))
        yield from _appending(rows, folder)
        journal = folder / "events.jsonl"
        log = EventLog(journal=Journal(journal))
        for start in range(0, RECORDS, 50):
            log.extend([(direction, raw, 1.7e12 + start) for direction, raw in rows[start : start + 50]])
        log.close()
        yield from _loading(journal)
        yield from _growing(journal)
        yield from _memory(journal)
        yield from _paths(journal)
    with tempfile.TemporaryDirectory() as name:
        yield _many(Path(name))


def traffic() -> Iterator[tuple[Any, str]]:
    """Repeat the recordings without end (or a session like them), each time with ids of its own."""
    recorded = [
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in sorted(RECORDINGS.glob("*.jsonl"))
    ]
    for number in count():
        if recorded:
            for row in recorded[number % len(recorded)]:
                yield row["direction"], json.dumps(_renamed(row["event"], number))
        else:
            script = Script(f"{number}_").session()
            script.spoken_turn()
            script.typed_turn()
            yield from ((direction, json.dumps(event)) for direction, event in script.rows)


def _renamed(value: Any, number: int) -> Any:
    if isinstance(value, list):
        return [_renamed(one, number) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"{one}{number:06d}" if key in _ID_KEYS and isinstance(one, str) else _renamed(one, number)
        for key, one in value.items()
    }


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    gc.collect()
    begin = clock()
    work()
    return clock() - begin


def _in_turns(
    *works: Callable[[], object], repeats: int = REPEATS, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Return the median time of each, in s; taken in turns, so that a busy machine is fair to all."""
    times = [[_seconds(work, clock) for work in works] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _all_frames(log: EventLog) -> Frames:
    frames = Frames(log)
    for name in FRAMES:
        frames.get(name)
    return frames


def _normalized(journal: Path) -> pd.DataFrame:
    with journal.open("rb") as file:
        return pd.json_normalize([json.loads(line) for line in file])


def _loading(journal: Path) -> Iterator[Figure]:
    def ours() -> object:
        return Frames(read_file(journal).log).get("events")

    def theirs() -> object:
        return pl.read_ndjson(journal, schema=NARROW)

    def theirs_with_text() -> object:
        inner = pl.col("event").str.json_decode(NARROW["event"]).alias("inner")
        return pl.read_ndjson(journal, schema=AS_TEXT).with_columns(inner).select(_SAME)

    events, everything, narrow, same = _in_turns(
        ours, lambda: _all_frames(read_file(journal).log), theirs, theirs_with_text
    )
    our_work, their_work = _in_turns(ours, theirs, clock=time.process_time)
    wide, normalized = _in_turns(
        lambda: pl.read_ndjson(journal, infer_schema_length=None), lambda: _normalized(journal), repeats=3
    )
    size = f"{journal.stat().st_size / 1e6:.0f} MB, {RECORDS:,} records"
    yield Figure("journal to events frame", events * 1000, "ms", None, size)
    yield Figure(
        "  / polars.read_ndjson, schema inferred", events / wide, "×", 1 / 5, f"{wide * 1000:.0f} ms"
    )
    took = f"{normalized * 1000:.0f} ms"
    yield Figure("  / json.loads + json_normalize", events / normalized, "×", 1 / 12, took)
    yield Figure(
        "  / polars.read_ndjson, narrow schema", events / narrow, "×", 1.0, f"{narrow * 1000:.0f} ms"
    )
    took = f"{same * 1000:.0f} ms"
    yield Figure("  / the same, the event's text among them", events / same, "×", None, took)
    work = f"processor time, {our_work * 1000:.0f} and {their_work * 1000:.0f} ms; Polars uses all cores"
    yield Figure("  / polars.read_ndjson, narrow, by the work done", our_work / their_work, "×", None, work)
    yield Figure("all frames / events frame", everything / events, "×", 3.0, f"{everything * 1000:.0f} ms")


def _growing(journal: Path) -> Iterator[Figure]:
    log = read_file(journal).log
    scratch, more = [], []
    for _ in range(REPEATS):
        scratch.append(_seconds(lambda: Frames(read_file(journal).log).get("events")))
        frames = Frames(log)
        frames.get("events")
        log.append("server", '{"type": "one.more"}')
        more.append(_seconds(lambda: frames.get("events")))  # noqa: B023 - called at once
    ratio = statistics.median(more) / statistics.median(scratch)
    took = f"{statistics.median(more) * 1000:.1f} ms"
    yield Figure("one more record, events again / from scratch", ratio, "×", 1 / 75, took)


def _memory(journal: Path) -> Iterator[Figure]:
    gc.collect()
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    frames = Frames(read_file(journal).log)
    kept = frames.get("events")
    gc.collect()
    python, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    total = python + pa.total_allocated_bytes() - before
    size = journal.stat().st_size
    yield Figure("memory of log and frame / journal", total / size, "×", 1.5, f"{total / 1e6:.0f} MB")
    del kept


def _appending(rows: list[tuple[Any, str]], folder: Path) -> Iterator[Figure]:
    rates = []
    for number in range(REPEATS):
        log = EventLog(journal=Journal(folder / f"append{number}.jsonl"))
        append = log.append

        def work() -> None:
            for direction, raw in rows:
                append(direction, raw)  # noqa: B023 - called at once

        rates.append(RECORDS / _seconds(work))
        log.close()
    rate = statistics.median(rates)
    yield Figure("150,000 / records appended a second, journal on", 150e3 / rate, "×", 1.0, f"{rate:,.0f}/s")
    log = EventLog(journal=Journal(folder / "paced.jsonl"))
    begin, cpu = time.monotonic(), time.process_time()
    source, n = cycle(rows), 0
    while (elapsed := time.monotonic() - begin) < PACED_S:
        batch = [(direction, raw, None) for direction, raw in islice(source, int(elapsed * PACED_PER_S) - n)]
        n += len(log.extend(batch))
        time.sleep(0.005)
    if log.journal is not None:
        log.journal.sync()
    share = (time.process_time() - cpu) / PACED_S
    log.close()
    yield Figure("core used by 50,000 records a second", share * 100, "%", 40.0, f"{n / PACED_S:,.0f}/s")


def _paths(journal: Path) -> Iterator[Figure]:
    frame = Frames(read_file(journal).log).get("events")
    texts = frame["event"].tolist()

    def by_hand() -> list[Any]:
        found = []
        for text in texts:
            item = json.loads(text).get("item")
            found.append(item.get("role") if isinstance(item, dict) else None)
        return found

    ours, theirs = _in_turns(lambda: frame.rtc.path("item.role"), by_hand)
    yield Figure("df.rtc.path / json.loads a row", ours / theirs, "×", 1 / 6, f"{ours * 1000:.0f} ms")


def _many(folder: Path) -> Figure:
    for number in range(SESSIONS):
        place = folder / f"{number:04d}"
        if number >= _DIFFERENT:
            shutil.copytree(folder / f"{number % _DIFFERENT:04d}", place)
            continue
        script = Script(f"{number}_")
        note = {"version": 1, "cause": "connect", "variant": f"v{number % 3}", "changed": {}, "effective": {}}
        script.note("rtc.config", **note)
        script.session()
        while len(script.rows) < SESSION_RECORDS:
            script.spoken_turn()
        save_recording(_Saved(script.log()), place)
    query = (
        "select variant, quantile_cont(latency_inferred_ms, [0.5, 0.95]) as latency_ms "
        "from turns group by variant"
    )
    code = f"import rtc_widget as rtc; assert len(rtc.sql({query!r}, {str(folder)!r})) == 3"
    took = [_seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True)) for _ in range(3)]
    return Figure(f"rtc.sql over {SESSIONS:,} sessions, new process", statistics.median(took), "s", 2.0)


class _Saved:
    def __init__(self, log: EventLog) -> None:
        self.event_log = log


if __name__ == "__main__":
    for figure in measure():
        print(figure, flush=True)
