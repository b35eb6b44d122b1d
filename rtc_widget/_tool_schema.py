"""A Python function's parameters: their JSON Schema for the service, their check for what comes back."""

from __future__ import annotations

import functools
import inspect
import typing
import warnings
from typing import TYPE_CHECKING, Any

from rtc_widget._docstring import read_docstring
from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel, ValidationError

__all__ = ["Parameters"]

_NAMELESS = (
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
    inspect.Parameter.POSITIONAL_ONLY,
)
_LONGEST_SHOWN = 200


class Parameters:
    """The parameters of one function.

    Parameters
    ----------
    function
        With type hints and, if it likes, a docstring that describes them.
    name
        Of the tool, for errors.

    Attributes
    ----------
    description : str
        The docstring up to its first section.
    schema : dict
        JSON Schema of an object, without references where it is not recursive.

    Raises
    ------
    ConfigurationError
        For a parameter that no JSON can fill; says which and why.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._names = _names(function, name)
        self._filled = _filled(function, self._names)
        text = inspect.getdoc(_documented(function)) or ""
        self.description, about = read_docstring(text, tuple(self._names.values()))
        self._model, schema = _model(function, name, self._names, self._filled, about)
        self.schema = _without_references(schema)

    def check(self, arguments_json: str) -> dict[str, Any]:
        """Turn the model's arguments into those of the function.

        Parameters
        ----------
        arguments_json
            As in `response.function_call_arguments.done`; an empty text is no arguments.

        Returns
        -------
        dict
            By name; dataclasses, enums, dates, … as the hints say.

        Raises
        ------
        ValueError
            When they do not fit; the text says what to mend.
        """
        from pydantic import ValidationError

        try:
            checked = self._model.model_validate_json(arguments_json.strip() or "{}")
        except ValidationError as error:
            raise ValueError(_said(error)) from error
        return {
            own: getattr(checked, field)
            for field, own in self._names.items()
            if field in checked.model_fields_set or field in self._filled
        }


def _filled(function: Callable[..., Any], names: Mapping[str, str]) -> frozenset[str]:
    """Return the fields that only pydantic can fill: the function's own default is a Field(), or none."""
    from pydantic.fields import FieldInfo

    parameters = inspect.signature(function).parameters
    defaults = {field: parameters[own].default for field, own in names.items()}
    return frozenset(
        field
        for field, default in defaults.items()
        if isinstance(default, FieldInfo) or default is inspect.Parameter.empty
    )


def _names(function: Callable[..., Any], name: str) -> dict[str, str]:
    """Map fields to parameters: a field of pydantic's may not be called `schema` or `_x`, a parameter may."""
    found: dict[str, str] = {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{name}: Python does not know the parameters of this function. Right form: a function of your "
            f"own that calls it, with names and types, as in def my_{name}(text: str) -> str."
        ) from None
    for number, parameter in enumerate(parameters.values()):
        if parameter.kind in _NAMELESS:
            raise ConfigurationError(
                f"{name}: {parameter} cannot be a tool's parameter, since the model gives arguments by their "
                "names. Right form: parameters with names and types, as in def price(drink: str, size: str)."
            )
        found[f"argument_{number}"] = parameter.name
    return found


def _model(
    function: Callable[..., Any],
    name: str,
    names: Mapping[str, str],
    filled: frozenset[str],
    about: Mapping[str, str],
) -> tuple[type[BaseModel], dict[str, Any]]:
    """Make the model of the parameters, and its JSON Schema."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError
    from pydantic.fields import FieldInfo
    from pydantic.json_schema import PydanticJsonSchemaWarning

    hints = _hints(function, name)
    parameters = inspect.signature(function).parameters
    fields: dict[str, Any] = {}
    for field, own in names.items():
        default = parameters[own].default
        nullable = default is None or (isinstance(default, FieldInfo) and default.default is None)
        hint = _described(hints.get(own, Any), about.get(own), nullable=nullable)
        if isinstance(default, FieldInfo):
            hint = typing.Annotated[hint, default]
        given = {} if field in filled else {"default": default}
        fields[field] = (hint, Field(alias=own, **given))
    try:
        with warnings.catch_warnings():
            # A default that is no JSON stays the function's own affair.
            warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
            model: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
            return model, model.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        wrong = next((own for own in names.values() if not _fits(hints.get(own, Any))), None)
        of = f"{wrong or 'its parameters'} ({hints.get(wrong or '')!r})"
        if error.code == "typed-dict-version":
            raise ConfigurationError(
                f"{name}: before Python 3.12 typing's TypedDict cannot be read in {of}. "
                "Right form: from typing_extensions import TypedDict."
            ) from error
        raise ConfigurationError(
            f"{name}: no JSON can fill {of}. Right form: "
            "str, int, float, bool, list, dict, Literal, Enum, a dataclass or a model of pydantic."
        ) from error


def _documented(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what holds the docstring; functools.partial's own says nothing of the function."""
    if isinstance(function, functools.partial) and "__doc__" not in vars(function):
        return function.func
    return function


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    inner: Any = getattr(function, "func", function)  # of a functools.partial
    if not inspect.isroutine(inner):
        inner = type(inner).__call__
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"{name}: a type hint cannot be read ({error}). Import or define it before the function."
        ) from error


def _fits(hint: Any) -> bool:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        TypeAdapter(hint).json_schema()
    except PydanticUserError:
        return False
    return True


def _described(hint: Any, about: str | None, *, nullable: bool) -> Any:
    """Say of a hint what the docstring does, else a bare text in it: `Annotated[str, "the drink"]`.

    With `drink: str = None` the function takes None, whatever its hint says.
    """
    from pydantic import Field

    bare, *notes = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
    said = about or next((note for note in notes if isinstance(note, str)), None)
    notes += [] if said is None else [Field(description=said)]
    if nullable and bare is not Any:
        bare = typing.Optional[bare]  # noqa: UP045 - what a hint holds may know no |
    return typing.Annotated[(bare, *notes)] if notes else bare


def _said(error: ValidationError) -> str:
    """Say pydantic's findings so that a model can mend its call."""
    parts = []
    for found in error.errors(include_url=False, include_context=False):
        place = ".".join(str(step) for step in found["loc"]) or "the arguments"
        given = repr(found["input"])[:_LONGEST_SHOWN]
        shown = "" if found["type"] == "missing" else f" (got {given})"
        parts.append(f"{place}: {found['msg']}{shown}")
    return "; ".join(parts)


def _without_references(schema: dict[str, Any]) -> dict[str, Any]:
    """Put definitions in place of references, and leave out titles that only repeat names."""
    definitions = schema.pop("$defs", {})
    recursive: dict[str, Any] = {}

    def plain(part: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [plain(item, inside) for item in part]
        if not isinstance(part, dict):
            return part
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name in inside:
            recursive.setdefault(name, None)
            return part
        if name:
            beside = {key: value for key, value in part.items() if key != "$ref"}
            return {**plain(definitions[name], (*inside, name)), **plain(beside, inside)}
        # Under "properties" the keys are names of fields, one of which may be `title`.
        return {
            key: {field: plain(value, inside) for field, value in kept.items()}
            if key == "properties"
            else plain(kept, inside)
            for key, kept in part.items()
            if not (key == "title" and isinstance(kept, str))
        }

    result: dict[str, Any] = plain(schema, ())
    while None in recursive.values():
        for name in [name for name, found in recursive.items() if found is None]:
            recursive[name] = plain(definitions[name], (name,))
    result.setdefault("properties", {})
    return {**result, "$defs": recursive} if recursive else result
