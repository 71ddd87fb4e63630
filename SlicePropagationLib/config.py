"""Configurations: frozen dataclasses with defaults in code, overridden by JSON.

What is unknown is refused.
"""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from SlicePropagationLib.errors import ConfigError

Config = TypeVar("Config")


def config_from_dict(cls: type[Config], values: Mapping[str, Any]) -> Config:
    """A configuration with some of its values replaced.

    Args:
        cls: a dataclass; its fields may be dataclasses themselves.
        values: {field name: value}, as JSON has it: lists stand for tuples, objects for nested
            configurations.

    Raises:
        ConfigError: a name is unknown, or a value is of another kind than the default.
    """
    values = with_new_names(cls, values)
    kinds = typing.get_type_hints(cls)
    known = {field.name for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(
            f"{cls.__name__} has no setting {', '.join(unknown)}; it has"
            f" {', '.join(sorted(known))}."
        )
    checked = {name: _value(cls, name, kinds[name], value) for name, value in values.items()}
    return cls(**checked)


def with_new_names(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that an earlier version wrote, under the names that they have now.

    Args:
        cls: a dataclass; where it has EARLIER_NAMES, {earlier: now}, these are replaced.
        values: {field name: value}, as JSON has it; what is unknown stays as it is.
    """
    now = getattr(cls, "EARLIER_NAMES", {})
    kinds = typing.get_type_hints(cls)
    renamed: dict[str, Any] = {}
    for written, value in values.items():
        name = now.get(written, written)
        is_nested = is_dataclass(kinds.get(name)) and isinstance(value, dict)
        renamed[name] = with_new_names(kinds[name], value) if is_nested else value
    return renamed


def _value(
    cls: type,
    name: str,
    kind: Any,
    value: Any,
) -> Any:
    """A value of the kind that a field is annotated with; ConfigError where it is another."""
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError(
                f"{cls.__name__}.{name} must be an object with the settings of {kind.__name__}, got"
                f" {value!r}."
            )
        return config_from_dict(kind, value)
    if typing.get_origin(kind) is tuple:
        return _values(cls, name, typing.get_args(kind), value)
    if kind is float and type(value) is int:
        value = float(value)
    is_other_kind = isinstance(kind, type) and type(value) is not kind
    if is_other_kind or _is_nan(value):
        raise ConfigError(f"{cls.__name__}.{name} must be {kind.__name__}, got {value!r}.")
    return value


def _values(
    cls: type,
    name: str,
    kinds: tuple[Any, ...],
    values: Any,
) -> tuple[Any, ...]:
    """A tuple whose values are each of its kind.

    Whole numbers in a list of floats stay as they are.
    """
    if not isinstance(values, (list, tuple)):
        raise ConfigError(f"{cls.__name__}.{name} must be a list, got {values!r}.")
    kinds = kinds[:1] * len(values) if kinds[1:] == (...,) else kinds
    if len(values) != len(kinds):
        raise ConfigError(
            f"{cls.__name__}.{name} must be a list of {len(kinds)} values, got {list(values)!r}."
        )
    for kind, value in zip(kinds, values, strict=True):
        is_whole_float = kind is float and type(value) is int
        if (type(value) is not kind and not is_whole_float) or _is_nan(value):
            raise ConfigError(
                f"{cls.__name__}.{name} must be a list of {kind.__name__}, got {list(values)!r}."
            )
    return tuple(values)


def _is_nan(value: Any) -> bool:
    """Whether it is NaN, which JSON files can hold."""
    return value != value


def check_choice(
    name: str,
    value: str,
    choices: Sequence[str],
) -> None:
    """Refuse a word that is none of the choices; ConfigError that lists them."""
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")


def check_halves(size: int, divisor: int) -> None:
    """Refuse a size that a network cannot halve often enough; ConfigError with one that fits."""
    if size % divisor:
        fitting = max(1, round(size / divisor)) * divisor
        raise ConfigError(
            f"size must be divisible by {divisor} for so many levels, got {size}; use {fitting}."
        )
