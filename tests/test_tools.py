"""Tools: Python functions described to the model, checked, run without blocking, answered in text."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import datetime as dt
import enum
import functools
import json
import sys
import threading
import time
import typing
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pydantic import BaseModel, Field

from rtc_widget import ConfigurationError
from rtc_widget._tool_list import ToolList, Tools
from rtc_widget.protocol import check_client_event, session_fields
from rtc_widget.tools import Tool, ToolResult

CELL: contextvars.ContextVar[str] = contextvars.ContextVar("CELL", default="none")


class Size(enum.Enum):
    """How large a drink is."""

    SMALL = "s"
    LARGE = "l"


@dataclasses.dataclass
class Order:
    """What somebody wants."""

    drink: str
    count: int = 1


class Node(BaseModel):
    """A thing with things under it."""

    title: str
    children: list[Node] = []


def price(drink: str, size: Literal["s", "m", "l"] = "m") -> float:
    """Price in euro."""
    return {"s": 2.5, "m": 3.0, "l": 3.5}[size] + len(drink) * 0


def run(tool: Tool, arguments: dict[str, Any] | str = "", **options: Any) -> ToolResult:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return asyncio.run(tool.run(text, **options))


# -- what the model is told ---------------------------------------------------------------------------


def test_a_function_becomes_a_definition_that_the_api_takes() -> None:
    tool = Tool(price)
    assert tool.definition() == {
        "type": "function",
        "name": "price",
        "description": "Price in euro.",
        "parameters": {
            "type": "object",
            "properties": {
                "drink": {"type": "string"},
                "size": {"type": "string", "enum": ["s", "m", "l"], "default": "m"},
            },
            "required": ["drink"],
            "additionalProperties": False,
        },
    }
    event = {"type": "session.update", "session": {"type": "realtime", "tools": [tool.definition()]}}
    assert check_client_event(event) == event
    assert session_fields(tools=[tool]) == {"tools": [tool.definition()]}


STYLES = {
    "numpy": """
        Make a drink.

        It takes a while.

        Parameters
        ----------
        drink : str
            What to make,
            in one word.
        size
            How it is.

        Returns
        -------
        None
            Nothing.
        """,
    "google": """
        Make a drink.

        It takes a while.

        Args:
            drink (str): What to make,
                in one word.
            size: How it is.

        Returns:
            Nothing.
        """,
    "sphinx": """
        Make a drink.

        It takes a while.

        :param drink: What to make,
            in one word.
        :param str size: How it is.
        :returns: Nothing.
        """,
    "plain": """
        Make a drink.

        It takes a while.
        drink: What to make, in one word.
        - size: How it is.
        """,
}


@pytest.mark.parametrize("style", STYLES)
def test_docstrings_of_every_style_describe_the_parameters(style: str) -> None:
    def make(drink: str, size: str = "m") -> None: ...

    make.__doc__ = STYLES[style]
    definition = Tool(make).definition()
    assert definition["description"] == "Make a drink.\n\nIt takes a while."
    properties = definition["parameters"]["properties"]
    assert properties["drink"]["description"] == "What to make, in one word."
    assert properties["size"]["description"] == "How it is."


def test_two_parameters_described_at_once_are_both_described() -> None:
    def prepare(drink: str, size: str, count: int) -> None:
        """Make a drink.

        Parameters
        ----------
        drink, size : str
            As on the menu.
        count : int, optional
            How many.
        """

    properties = Tool(prepare).definition()["parameters"]["properties"]
    assert {name: about.get("description") for name, about in properties.items()} == {
        "drink": "As on the menu.",
        "size": "As on the menu.",
        "count": "How many.",
    }


def test_hints_of_every_kind_become_schemas_and_come_back_as_what_they_say() -> None:
    seen: list[Any] = []

    def order(
        what: Order,
        size: Size,
        *,
        when: dt.date | None = None,
        tags: list[str] | None = None,
        count: Annotated[int, Field(ge=1)] = 1,
        note: Annotated[str, "in a few words"] = "",
    ) -> None:
        seen.extend([what, size, when, tags, count, note])

    tool = Tool(order)
    properties = tool.definition()["parameters"]["properties"]
    assert properties["what"]["properties"]["drink"] == {"type": "string"}
    assert properties["size"]["enum"] == ["s", "l"]
    assert properties["count"]["minimum"] == 1
    assert properties["note"]["description"] == "in a few words"
    assert "$ref" not in json.dumps(tool.definition())
    run(tool, {"what": {"drink": "tea"}, "size": "l", "when": "2026-11-22"})
    assert seen == [Order("tea"), Size.LARGE, dt.date(2026, 11, 22), None, 1, ""]


def test_a_field_of_pydantics_describes_and_checks_its_parameter_and_gives_its_default() -> None:
    def order(
        drink: str = Field("tea", description="The drink to look up"),
        count: int = Field(1, ge=0),
        tags: list[str] = Field(default_factory=list),  # noqa: B008 - a new one each time, by pydantic
        size: Annotated[int, Field(ge=0, description="at least zero")] = 3,
        price: float = Field(gt=0),
    ) -> list[Any]:
        return [drink, count, tags, size, price]

    tool = Tool(order)
    assert tool.definition()["parameters"]["properties"] == {
        "drink": {"type": "string", "default": "tea", "description": "The drink to look up"},
        "count": {"type": "integer", "default": 1, "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "integer", "default": 3, "minimum": 0, "description": "at least zero"},
        "price": {"type": "number", "exclusiveMinimum": 0},
    }
    assert tool.definition()["parameters"]["required"] == ["price"]
    assert run(tool, {"price": 2.5}).output == '["tea", 1, [], 3, 2.5]'
    assert "count: Input should be greater than or equal to 0" in run(tool, {"count": -1, "price": 1}).output


def test_a_recursive_type_keeps_its_reference() -> None:
    def show(tree: Node) -> str:
        return tree.children[0].title

    tool = Tool(show)
    assert set(tool.definition()["parameters"]["$defs"]) == {"Node"}
    assert tool.definition()["parameters"]["properties"]["tree"]["properties"]["title"] == {"type": "string"}
    assert run(tool, {"tree": {"title": "a", "children": [{"title": "b"}]}}).output == "b"


Days = Annotated[int, Field(ge=1, description="how far ahead")]


def test_a_default_of_none_may_be_given_as_well() -> None:
    def weather(
        city: str = None,  # type: ignore[assignment]  # noqa: RUF013 - as many write it
        days: Days = None,  # type: ignore[assignment]
        unit: str = Field(cast("Any", None), description="of the answer"),
    ) -> list[Any]:
        return [city, days, unit]

    tool = Tool(weather)
    properties = tool.definition()["parameters"]["properties"]
    assert properties["city"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert properties["days"]["anyOf"] == [{"type": "integer", "minimum": 1}, {"type": "null"}]
    assert properties["days"]["description"] == "how far ahead"
    assert run(tool, {"city": None, "days": None, "unit": None}).output == "[null, null, null]"
    assert run(tool, {"city": "Bonn", "days": 0}).error is not None


def test_parameters_may_have_any_name_and_default() -> None:
    marker = object()

    def odd(schema: int, model_config: int, _hidden: int = 3, copy: Any = marker) -> list[Any]:
        return [schema, model_config, _hidden, copy is marker]

    assert run(Tool(odd), {"schema": 1, "model_config": 2}).output == "[1, 2, 3, true]"


def test_methods_partials_and_callable_objects_are_functions_too() -> None:
    class Shop:
        def price(self, drink: str) -> str:
            return drink

        def __call__(self, drink: str) -> str:
            return drink

        async def later(self, drink: str) -> str:
            return drink

    partial = functools.partial(price, size="l")
    assert run(Tool(Shop().price), {"drink": "tea"}).output == "tea"
    assert run(Tool(Shop()), {"drink": "tea"}).output == "tea"
    assert run(Tool(Shop().later), {"drink": "tea"}).output == "tea"
    assert Tool(Shop()).name == "Shop"
    assert run(Tool(partial), {"drink": "tea"}).output == "3.5"
    assert Tool(partial).description == "Price in euro."
    partial.__doc__ = "Price of a large one."
    assert Tool(partial).description == "Price of a large one."


def test_a_tool_may_be_named_and_described_otherwise() -> None:
    tool = Tool(lambda drink: drink, name="ask-price", description="What it costs.")
    assert tool.definition()["name"] == "ask-price"
    assert tool.definition()["description"] == "What it costs."
    assert tool.definition()["parameters"]["properties"] == {"drink": {}}
    assert "description" not in Tool(lambda: None, name="nothing").definition()
    assert repr(Tool(price)) == "Tool(price(drink: 'str', size: \"Literal['s', 'm', 'l']\" = 'm') -> 'float')"


def any_number(*drinks: str) -> None:
    """Take what no model can give."""


def any_name(**drinks: str) -> None:
    """Take what no model can give."""


def by_place(drink: str, /) -> None:
    """Take what no model can give."""


def no_json(drink: threading.Event) -> None:
    """Take what no model can give."""


class Typed(typing.TypedDict):
    """What typing's own makes."""

    drink: str


def typed(order: Typed) -> None:
    """Take what pydantic reads from Python 3.12 on."""


def undefined(drink: NoSuchType) -> None:  # type: ignore[name-defined]  # noqa: F821 - the wrong hint is the test
    """Take what no model can give."""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it is read from 3.12 on")
def test_a_typed_dict_that_cannot_be_read_names_the_one_that_can() -> None:
    with pytest.raises(ConfigurationError, match=r"order .*Typed.* from typing_extensions import TypedDict"):
        Tool(typed)


@pytest.mark.parametrize(
    ("make", "cause", "right"),
    [
        (lambda: Tool(any_number), r"\*drinks", "drink: str"),
        (lambda: Tool(any_name), r"\*\*drinks", "drink: str"),
        (lambda: Tool(by_place), "drink", "size: str"),
        (lambda: Tool(no_json), "no JSON can fill drink", "dataclass"),
        (lambda: Tool(undefined), "NoSuchType", "define it"),
        (lambda: Tool(lambda drink: drink), "<lambda>", "name='my_tool'"),
        (lambda: Tool(price, name="a price"), "a price", "name='my_tool'"),
        (lambda: Tool(price, name="p" * 65), "no name of a tool", "1 to 64 letters"),
        (lambda: Tool(cast("Any", "price")), "'price' is none", "is a function"),
        (lambda: Tool(price, timeout=0), "timeout", "above 0"),
        (lambda: Tool(threading.Event.set), r"Event\.set is a method without its object", "thing.set"),
    ],
)
def test_what_no_model_can_call_is_refused_with_the_way_out(make: Any, cause: str, right: str) -> None:
    with pytest.raises(ConfigurationError, match=cause) as refused:
        make()
    assert right in str(refused.value)


# -- running -----------------------------------------------------------------------------------------


def test_arguments_that_do_not_fit_never_reach_the_function() -> None:
    called: list[str] = []

    def order(drink: str, count: int) -> None:
        called.append(f"{count} {drink}")

    for arguments, said in (
        ({"drink": "tea"}, "count: Field required"),
        ({"drink": "tea", "count": "two"}, "count: Input should be a valid integer"),
        ({"drink": "tea", "count": 1, "size": "l"}, "size: Extra inputs are not permitted (got 'l')"),
        ("no json", "Invalid JSON"),
        ("[1]", "the arguments: Input should be an object"),
    ):
        result = run(Tool(order), arguments)
        assert result.error is not None
        assert said in result.error
        assert "Call it again" in result.output
    assert called == []


def test_no_arguments_are_an_empty_text_or_an_empty_object() -> None:
    tool = Tool(lambda: "done", name="nothing")
    assert run(tool, "").output == run(tool, "{}").output == "done"
    assert tool.definition()["parameters"]["properties"] == {}


async def test_a_sync_function_runs_in_a_thread_and_blocks_nobody() -> None:
    loop = asyncio.get_running_loop()
    inside = asyncio.Event()
    free = threading.Event()

    def slow() -> str:
        loop.call_soon_threadsafe(inside.set)
        free.wait(10)
        return threading.current_thread().name

    running = asyncio.create_task(Tool(slow).run("{}"))
    await asyncio.wait_for(inside.wait(), 10)
    free.set()
    assert (await running).output == "rtc_widget tool"


async def test_an_async_function_runs_on_the_loop_that_runs_the_tool() -> None:
    async def where() -> bool:
        return asyncio.get_running_loop() is loop

    loop = asyncio.get_running_loop()
    assert (await Tool(where).run("")).output == "true"


async def test_a_sync_function_may_return_what_is_to_be_awaited() -> None:
    async def later() -> str:
        return "later"

    assert (await Tool(lambda: later(), name="now").run("")).output == "later"  # noqa: PLW0108 - a sync one


async def test_what_an_async_generator_gives_is_collected_and_cut_where_it_knows_no_end() -> None:
    async def few() -> Any:
        for number in range(3):
            await asyncio.sleep(0)
            yield number, CELL.get()

    async def forever() -> Any:
        number = 0
        while True:
            yield number
            number += 1

    async def broken() -> Any:
        yield 1
        raise LookupError("no more")

    CELL.set("mine")
    tool = Tool(few)
    CELL.set("another's")
    assert (await tool.run("")).output == '[[0, "mine"], [1, "mine"], [2, "mine"]]'
    assert (await Tool(forever).run("")).output.endswith('998, 999, "…"]')
    assert (await Tool(broken).run("")).error == "broken failed: LookupError: no more"


async def test_a_tool_runs_in_the_context_where_it_was_made_every_time_anew() -> None:
    def sync() -> str:
        seen = CELL.get()
        CELL.set("changed")
        return seen

    async def later() -> str:
        return CELL.get()

    token = CELL.set("cell 7")
    tools = [Tool(sync), Tool(later)]
    CELL.reset(token)
    for _ in range(2):
        results = await asyncio.gather(*(tool.run("") for tool in [*tools, *tools]))
        assert [result.output for result in results] == ["cell 7"] * 4


def fail(drink: str) -> None:
    """Raise."""
    raise KeyError(f"no {drink}\nhere")


async def fail_later() -> None:
    """Raise, a little later."""
    raise ValueError


def leave() -> None:
    """Try to end the process."""
    raise SystemExit(3)


async def leave_later() -> None:
    """Try to end the loop."""
    raise KeyboardInterrupt


def stop() -> None:
    """Raise what a future does not take."""
    raise StopIteration


async def give_up() -> None:
    """Cancel itself."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (fail, {"drink": "milk"}, "fail failed: KeyError: 'no milk\\nhere'"),
        (fail_later, "", "fail_later failed: ValueError"),
        (leave, "", "leave failed: RuntimeError: SystemExit: 3"),
        (leave_later, "", "leave_later failed: RuntimeError: KeyboardInterrupt"),
        (stop, "", "stop failed: RuntimeError: StopIteration"),
        (give_up, "", "give_up failed: RuntimeError: the function was cancelled from within"),
    ],
)
def test_what_a_function_raises_is_told_the_model_in_a_line_and_people_whole(
    function: Any, arguments: Any, said: str
) -> None:
    result = run(Tool(function), arguments)
    assert result.output == result.error == said
    assert result.traceback is not None
    if function is not give_up:
        assert f"in {function.__name__}" in result.traceback


def test_what_cannot_be_written_down_is_an_error_too() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    result = run(Tool(Broken))
    assert result.error == "Broken failed: RuntimeError: no words"


@pytest.mark.parametrize("timeout", [None, 0.05])
async def test_a_function_that_takes_too_long_is_answered_without_it(timeout: float | None) -> None:
    free = threading.Event()
    stubborn_done = asyncio.Event()

    def hang() -> None:
        free.wait(10)

    async def hang_politely() -> None:
        await asyncio.sleep(60)

    async def hang_stubbornly() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await stubborn_done.wait()

    own = 0.05 if timeout is None else 60.0
    for function in (hang, hang_politely, hang_stubbornly):
        tool = Tool(function, timeout=own)
        result = await tool.run("", timeout=timeout)
        assert result.error == f"{tool.name} failed: TimeoutError: no result within 0.05 s"
        assert result.run_ms >= 45
    free.set()
    stubborn_done.set()


async def test_a_run_that_is_cancelled_cancels_its_function() -> None:
    cancelled = asyncio.Event()
    began = asyncio.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    running = asyncio.create_task(Tool(wait).run(""))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(cancelled.wait(), 5)


def test_a_timeout_of_the_function_itself_is_an_error_of_its_own() -> None:
    def impatient() -> None:
        raise TimeoutError("the shop did not answer")

    result = run(Tool(impatient))
    assert result.error == "impatient failed: TimeoutError: the shop did not answer"


def test_the_time_is_the_functions_own() -> None:
    def slow() -> None:
        time.sleep(0.03)

    began_s = time.perf_counter()
    run_ms = run(Tool(slow)).run_ms
    assert 30 <= run_ms <= (time.perf_counter() - began_s) * 1000


# -- approval ----------------------------------------------------------------------------------------


def test_a_person_is_asked_where_it_was_said_so() -> None:
    assert not Tool(price).asks_first('{"drink": "tea"}')
    assert Tool(price, needs_approval=True).asks_first('{"drink": "tea"}')


def test_a_person_is_asked_when_the_arguments_say_so() -> None:
    tool = Tool(price, needs_approval=lambda size: size == "l")
    assert tool.asks_first('{"drink": "tea", "size": "l"}')
    assert not tool.asks_first('{"drink": "tea", "size": "s"}')
    assert not tool.asks_first('{"drink": "tea"}')
    assert Tool(price, needs_approval=lambda **given: len(given) == 2).asks_first('{"drink": "tea"}')


def test_a_question_that_fails_says_why_and_wrong_arguments_are_none() -> None:
    tool = Tool(price, needs_approval=lambda sise: sise == "l")
    with pytest.raises(TypeError, match="sise"):
        tool.asks_first('{"drink": "tea"}')
    assert not tool.asks_first("{}")


async def really(drink: str) -> bool:
    """Think first."""
    return drink == "tea"


def test_a_question_that_is_to_be_awaited_is_refused_where_it_can_be_seen_and_fails_where_not() -> None:
    for question in (really, functools.partial(really)):
        with pytest.raises(ConfigurationError, match="a plain function, not an async one"):
            Tool(price, needs_approval=cast("Any", question))
    tool = Tool(price, needs_approval=cast("Any", lambda drink: really(drink)))  # noqa: PLW0108 - a sync one
    with pytest.raises(TypeError, match="to be awaited"):
        tool.asks_first('{"drink": "tea"}')


# -- what the model reads ----------------------------------------------------------------------------


class Point(BaseModel):
    """A place."""

    x: int
    when: dt.date


OUTPUTS: list[Any] = [
    ("three euro", "three euro"),
    ("", ""),
    (None, "null"),
    (3.5, "3.5"),
    (True, "true"),
    (float("nan"), '"nan"'),
    (Decimal("3.50"), '"3.50"'),
    (2 + 1j, '"(2+1j)"'),
    (np.float32(0.5), "0.5"),
    (np.int64(7), "7"),
    (np.bool_(True), "true"),
    (np.arange(3), "[0, 1, 2]"),
    ([1, "zwei", None], '[1, "zwei", null]'),
    ((1, 2), "[1, 2]"),
    pytest.param({"b", "a"}, '["a", "b"]', id="a set"),
    ({"price": 3.5, Size.LARGE: [np.int8(1)], 3: np.nan}, '{"price": 3.5, "l": [1], "3": "nan"}'),
    (Order("tea"), '{"drink": "tea", "count": 1}'),
    (Point(x=1, when=dt.date(2026, 11, 22)), '{"x": 1, "when": "2026-11-22"}'),
    ({"at": dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)}, '{"at": "2026-11-22T09:00:00+00:00"}'),
    (Size.SMALL, '"s"'),
    ({"missing": [pd.NA, pd.NaT]}, '{"missing": [null, null]}'),
    (range(3), "[0, 1, 2]"),
    ((i for i in range(3)), "[0, 1, 2]"),
    ({"data": b"abc"}, '{"data": "[3 bytes of binary data]"}'),
    (pd.DataFrame({"drink": ["tea"], "price": [2.5]}), "drink,price\ntea,2.5"),
    (pd.DataFrame({"price": [2.5]}, index=pd.Index(["tea"], name="drink")), "drink,price\ntea,2.5"),
    (pd.Series([2.5], name="price"), "price\n2.5"),
    (pl.DataFrame({"drink": ["tea"], "price": [2.5]}), "drink,price\ntea,2.5"),
    (pl.Series("price", [2.5]), "price\n2.5"),
    ({"menu": pd.DataFrame({"drink": ["tea"]})}, '{"menu": "drink\\ntea"}'),
]


@pytest.mark.parametrize(("value", "output"), OUTPUTS, ids=lambda value: str(value)[:30])
def test_results_become_text_that_a_model_reads_well(value: Any, output: str) -> None:
    result = run(Tool(lambda: value, name="give"))
    assert result.error is None
    assert result.output == output
    assert result.cut is None


def test_a_class_and_any_object_become_their_name() -> None:
    assert "Order" in run(Tool(lambda: Order, name="give")).output
    assert "object at" in run(Tool(lambda: [object()], name="give")).output


class Axes:
    """As matplotlib's."""

    def get_title(self) -> str:
        return "Sales"


class Figure:
    """As matplotlib's."""

    axes = (Axes(),)

    def __init__(self) -> None:
        self.axes = [Axes()]  # type: ignore[assignment]  # matplotlib hands out a list

    def savefig(self, target: object) -> None:
        """Never called: a tool's output is text."""


def picture() -> Any:
    from PIL import Image

    return Image.new("RGB", (640, 480))


CUT: list[tuple[Any, str, str]] = [
    ("x" * 20_000, "x" * 100, "characters 12,001 to 20,000"),
    (list(range(20_000)), "[0, 1, 2", "characters 12,001 to"),
    (pd.DataFrame({"n": range(1000)}), "n\n0\n1\n", "rows 11 to 990 of 1,000"),
    (pl.DataFrame({"n": range(1000)}), "n\n0\n1\n", "rows 11 to 990 of 1,000"),
    (pd.DataFrame({f"c{i}": [i] for i in range(25)}), "c0,c1,", "columns c20, c21, c22, c23, c24"),
    (pl.DataFrame({f"c{i}": [i] for i in range(25)}), "c0,c1,", "columns c20, c21, c22, c23, c24"),
    (np.zeros((100, 100)), "array of 100 × 100 float64", "values 201 to 10,000"),
    (b"\0" * 3210, "[3,210 bytes of binary data]", "3,210 bytes"),
    (Figure(), "[a figure: Sales]", "a figure: Sales; a tool's output is text"),
    (picture(), "[a picture of 640 × 480 pixels]", "a picture of 640 × 480 pixels"),
]


@pytest.mark.parametrize(("value", "begins", "cut"), CUT, ids=lambda value: str(value)[:30])
def test_what_is_large_or_no_text_is_shortened_and_says_what_was_cut(
    value: Any, begins: str, cut: str
) -> None:
    result = run(Tool(lambda: value, name="give"))
    assert result.output.startswith(begins)
    assert result.cut is not None
    assert cut in result.cut
    assert result.output.endswith(f"[cut: {result.cut}]")
    assert len(result.output) < 12_200


def test_a_long_frame_keeps_its_beginning_and_its_end() -> None:
    output = run(Tool(lambda: pd.DataFrame({"n": range(1000)}), name="give")).output
    assert output.splitlines()[-3:-1] == ["998", "999"]
    assert "…" in output


def test_what_knows_no_end_is_cut() -> None:
    def forever() -> Any:
        number = 0
        while True:
            yield number
            number += 1

    assert run(Tool(forever)).output.endswith('998, 999, "…"]')


def test_what_holds_itself_is_cut() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "… (list)" in run(Tool(lambda: loop, name="give")).output


def test_the_longest_output_is_the_tools_to_say() -> None:
    result = run(Tool(lambda: "x" * 50, name="give", max_characters=10))
    assert result.output == "xxxxxxxxxx\n[cut: characters 11 to 50]"


# -- the tools of a session --------------------------------------------------------------------------


def test_a_tool_of_the_same_name_replaces_the_one_before() -> None:
    tools = Tools()
    first, second = Tool(price), Tool(price)
    for tool in (first, Tool(fail), second):
        tools.add(tool)
    assert tools.get("price") is second
    assert tools.get("nothing") is None
    assert [tool.name for tool in tools] == ["price", "fail"]
    assert [definition["name"] for definition in tools.definitions()] == ["price", "fail"]
    assert "price" in tools
    assert len(tools) == 2


def test_a_tool_may_be_taken_away_by_its_name() -> None:
    tools = Tools()
    tools.add(Tool(price))
    tools.remove("price")
    assert len(tools) == 0
    tools.add(Tool(fail))
    with pytest.raises(ConfigurationError, match=r"no tool 'price'\. Tools: fail"):
        tools.remove("price")


def test_what_is_taken_back_leaves_alone_what_has_changed_since() -> None:
    def later() -> None:
        """Be refused."""

    def added() -> None:
        """Be added since."""

    tools, before, changed = Tools(), Tool(price), Tool(price)
    tools.take(ToolList((before, Tool(fail)), ({"type": "mcp"},)))
    take_back = tools.take(ToolList((changed, Tool(later)), ()))
    tools.add(Tool(added))
    take_back()
    assert sorted(tool.name for tool in tools) == ["added", "fail", "price"]
    assert tools.get("price") is before
    assert tools.now.others == ({"type": "mcp"},)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_characters": None}, "max_characters is how long an output may be: 1 or more"),
        ({"max_characters": -5}, "1 or more"),
        ({"description": 5}, "description is a text"),
        ({"needs_approval": "no"}, "True, False or a function"),
    ],
)
def test_what_a_tool_cannot_be_made_with_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Tool(lambda: 3.5, name="price", **given)


class Grind(str, enum.Enum):  # noqa: UP042 - as users write them
    """A text that is an Enum."""

    MEDIUM = "m"


async def test_an_enum_is_its_value_whatever_else_it_is() -> None:
    assert (await Tool(lambda: Grind.MEDIUM, name="grind").run("{}")).output == "m"


class Unusual(BaseException):
    """No `Exception`."""


async def test_whatever_a_sync_function_raises_is_told_at_once() -> None:
    def unusual() -> None:
        raise Unusual("x")

    result = await Tool(unusual, timeout=5).run("{}")
    assert result.error == "unusual failed: RuntimeError: Unusual: x"
    assert result.run_ms < 4000
