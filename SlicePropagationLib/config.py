"""Configurations: frozen dataclasses with defaults in code, overridden by JSON; what is unknown is refused."""

import typing
from dataclasses import fields, is_dataclass

from SlicePropagationLib.errors import ConfigError


def config_from_dict(cls, values):
    """A configuration with some of its values replaced.

    Args:
        cls: a dataclass; its fields may be dataclasses themselves.
        values: {field name: value}, as JSON has it: lists stand for tuples, objects for nested configurations.

    Raises:
        ConfigError: a name is unknown, or a value is of another kind than the default.
    """
    kinds = typing.get_type_hints(cls)
    known = {field.name for field in fields(cls)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{cls.__name__} has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}.")
    return cls(**{name: _value(cls, name, kinds[name], value) for name, value in values.items()})


def _value(cls, name, kind, value):
    if is_dataclass(kind):
        return config_from_dict(kind, value)
    if typing.get_origin(kind) is tuple:
        kind = tuple
        value = tuple(value) if isinstance(value, list) else value
    if kind is float and type(value) is int:
        value = float(value)
    if isinstance(kind, type) and type(value) is not kind:
        raise ConfigError(f"{cls.__name__}.{name} must be {kind.__name__}, got {value!r}.")
    return value
