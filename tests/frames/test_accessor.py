"""`df.rtc.path`: one place of a column of JSON text."""

from __future__ import annotations

import pandas as pd
import pytest

import rtc_widget as rtc


def frame_of(*texts: str | None) -> pd.DataFrame:
    index = [f"row {n}" for n in range(len(texts))]
    return pd.DataFrame({"event": pd.array(list(texts), "string[pyarrow]")}, index=index)


def read(path: str, *texts: str | None) -> list[object]:
    return [None if pd.isna(value) else value for value in frame_of(*texts).rtc.path(path)]


@pytest.mark.parametrize(
    ("path", "texts", "expected", "dtype"),
    [
        ("a.b", ['{"a":{"b":"x"}}', '{"a":{}}', "{}"], ["x", None, None], "string"),
        ("a.b", ['{"a":{"b":1}}', '{"a":{"b":null}}'], [1, None], "int64[pyarrow]"),
        ("a", ['{"a":1}', '{"a":2.5}'], [1.0, 2.5], "double[pyarrow]"),
        ("a", ['{"a":true}', '{"b":1}'], [True, None], "boolean"),
        ("a", ['{"a":"inf"}', '{"a":5}'], ["inf", "5"], "string"),
        ("a", ['{"a":{"b":[1]}}', '{"a":[]}'], ['{"b":[1]}', "[]"], "string"),
        (
            "a.1.b",
            ['{"a":[{"b":1},{"b":2}]}', '{"a":[{"b":1}]}', '{"a":"x"}'],
            [2, None, None],
            "int64[pyarrow]",
        ),
        ("a.0", ['{"a":{"0":"key"}}', '{"a":["place"]}'], ["key", "place"], "string"),
        (
            "a.1.b",
            ['{"a":{"1":{"b":1},"0":2}}', '{"a":[0,{"b":2}]}', '{"a":{"0":{"b":3}}}'],
            [1, 2, None],
            "int64[pyarrow]",
        ),
        ("a[1].b[0]", ['{"a":[{},{"b":[3,4]}]}', '{"a":[{"b":[1]}]}'], [3, None], "int64[pyarrow]"),
        ("0.01", ['{"0":{"01":"a"}}', '{"0":["x","b"]}', '{"0":{"1":"c"}}'], ["a", "b", None], "string"),
        ("0.a", ['{"0":{"a":"\\ud800"}}', '{"0":{"a":"b"}}'], ["\\ud800", "b"], "string"),
        ("a\0b", ['{"a\\u0000b":1}', '{"a":2}'], [1, None], "int64[pyarrow]"),
        ('a"b.0', ['{"a\\"b":["x"]}', '{"a":2}'], ["x", None], "string"),
        ("a\ud800", ['{"a\\ud800":true}', "{}"], [True, None], "boolean"),
        (f"a.{'9' * 5000}", ['{"a":[1]}', "{}"], [None, None], "string"),
        ("item.role", ['{"item":"text"}', "[1]", "5", "null", "no json", "", None], [None] * 7, "string"),
        ("a", ['{"a":1,"a":2}'], [2], "int64[pyarrow]"),
        ("a", ['{"a":"\\ud800"}', '{"a":"x"}'], ["\\ud800", "x"], "string"),
        ("a", ['{\n"a":1}', '{"a":2}'], [1, 2], "int64[pyarrow]"),
        ("a", [f'{{"a":{2**70}}}', '{"a":1}'], [float(2**70), 1.0], "double[pyarrow]"),
    ],
)
def test_a_path_reads_its_place(
    path: str, texts: list[str | None], expected: list[object], dtype: str
) -> None:
    assert read(path, *texts) == expected
    assert str(frame_of(*texts).rtc.path(path).dtype) == dtype


def test_the_index_and_the_length_are_the_frames() -> None:
    frame = frame_of(*['{"a":1}'] * 3000, None)
    values = frame.rtc.path("a")
    assert values.index.equals(frame.index)
    assert values.sum() == 3000
    assert len(frame_of().rtc.path("a")) == 0


def test_a_text_with_lines_of_its_own_shifts_nothing() -> None:
    texts = ['{"a":1}\n{"a":2}', "", '{"a":3}']
    assert read("a", *texts) == [None, None, 3]


def test_another_column_may_hold_the_text() -> None:
    frame = pd.DataFrame({"effective": ['{"model":"m"}']})
    assert frame.rtc.path("model", column="effective").tolist() == ["m"]


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"'a\.\.b' is no path"):
        read("a..b", "{}")
    for wrong in (None, 3, ["a"]):
        with pytest.raises(rtc.ConfigurationError, match="no path"):
            frame_of("{}").rtc.path(wrong)
        with pytest.raises(rtc.ConfigurationError, match="no frame is called"):
            rtc.frames.describe(wrong)  # type: ignore[arg-type]
    with pytest.raises(rtc.ConfigurationError, match="no column 'event'"):
        pd.DataFrame({"x": [1]}).rtc.path("a")


def test_a_number_of_any_length_is_read() -> None:
    assert read("n", '{"n": 1}', '{"n": 1' + "0" * 400 + "}") == [1.0, None]
