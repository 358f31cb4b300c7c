"""Declarations of parameters, and the checks that a real server makes before it looks at anything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.errors import bad_parameters

MISSING = "property is missing and it is not optional"
UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
NO_VMID = "invalid format - value does not look like a valid VM ID\n"


@dataclass(frozen=True)
class Param:
    """One parameter: its kind and its limits."""

    kind: str = "string"
    optional: bool = True
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    pattern: str = ""
    min_length: int | None = None
    judge: Callable[[str, str], None] | None = None  # raises ValueError; is given the parameter's name and value


TEXT = Param()
FLAG = Param("boolean")
COUNT = Param("integer", minimum=0)
WHOLE = Param("integer")
NUMBER = Param("number")
TEXTS = Param("array")
VMID = Param("vmid")
VMIDS = Param("vmid-list")
Schema = Mapping[str, Param]


def choice(*words: str) -> Param:
    """Return a parameter that takes one of some words."""
    return Param(choices=words)


def required(param: Param) -> Param:
    """Return the same parameter, not optional."""
    return replace(param, optional=False)


def check(schema: Schema, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in their own types. Raises the 400 that names all wrong ones at once."""
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, raw in given.items():
        param = schema.get(name) or schema.get(re.sub(r"\d+$", "[n]", name))
        if param is None:
            errors[name] = UNKNOWN
            continue
        try:
            values[name] = _texts(param, raw, name) if param.kind == "array" else convert(param, raw, name)
        except ValueError as problem:
            errors[name] = str(problem)
    for name, param in schema.items():
        if not param.optional and name not in given:
            errors[name] = MISSING
    if errors:
        raise bad_parameters(errors)
    return values


def convert(param: Param, raw: Any, name: str = "") -> Any:
    """Return one value in its own type. Raises ValueError with the server's words."""
    if isinstance(raw, list) and param.kind != "vmid-list":
        raw = raw[-1] if raw else ""
    match param.kind:
        case "boolean":
            return _boolean(raw)
        case "integer":
            return int(_within(param, _integer(raw)))
        case "vmid":
            return _vmid(raw)
        case "vmid-list":
            words = raw if isinstance(raw, list) else re.split(r"[,;\s]+", str(raw))
            return [_vmid(word) for word in words if str(word)]
        case "number":
            return _within(param, _number(raw))
    return _text(param, str(raw), name)


def _boolean(raw: Any) -> int:
    if isinstance(raw, bool):
        return int(raw)
    if str(raw) in ("1", "0"):
        return int(raw)
    raise ValueError(f"type check ('boolean') failed - got '{raw}'")


def _integer(raw: Any) -> int:
    if not re.fullmatch(r"[+-]?\d+", str(raw), re.ASCII):
        raise ValueError(f"type check ('integer') failed - got '{raw}'")
    return int(raw)


def _number(raw: Any) -> float:
    try:
        return float(raw)
    except ValueError:
        raise ValueError(f"type check ('number') failed - got '{raw}'") from None


def _vmid(raw: Any) -> int:
    number = _integer(raw)
    if not 100 <= number <= 999999999:
        raise ValueError(NO_VMID)
    return number


def _within(param: Param, number: float) -> float:
    if param.minimum is not None and number < param.minimum:
        raise ValueError(f"value must have a minimum value of {param.minimum}")
    if param.maximum is not None and number > param.maximum:
        raise ValueError(f"value must have a maximum value of {param.maximum}")
    return number


def _texts(param: Param, raw: Any, name: str) -> list[str]:
    return [_text(param, str(item), name) for item in (raw if isinstance(raw, list) else [raw])]


def _text(param: Param, value: str, name: str) -> str:
    if param.choices and value not in param.choices:
        raise ValueError(f"value '{value}' does not have a value in the enumeration '{', '.join(param.choices)}'")
    if param.max_length is not None and len(value) > param.max_length:
        raise ValueError(f"value may only be {param.max_length} characters long")
    if param.min_length is not None and len(value) < param.min_length:
        raise ValueError(f"value must be at least {param.min_length} characters long")
    if param.judge is not None:
        param.judge(name, value)
    if param.pattern and not re.fullmatch(param.pattern, value):
        raise ValueError("value does not match the regex pattern")
    return value
