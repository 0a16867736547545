"""What stands behind the names that code gives to types."""

from __future__ import annotations

from typing import Any, NewType, get_args, get_origin


def meant(annotation: Any) -> Any:
    """The type that a `NewType` or a ``type X = …`` stands for, its parameters filled in; any other as it is."""
    while True:
        named = get_origin(annotation) or annotation
        if isinstance(named, NewType):
            annotation = named.__supertype__
        # typing's own type aliases (Python 3.12) and those of typing_extensions are two classes.
        elif hasattr(named, "__value__") and hasattr(named, "__type_params__"):
            given = zip(named.__type_params__, get_args(annotation), strict=False)
            annotation = _filled_in(named.__value__, dict(given))
        else:
            return annotation


def _filled_in(annotation: Any, given: dict[Any, Any]) -> Any:
    parameters = getattr(annotation, "__parameters__", ())
    if annotation in given:
        return given[annotation]
    if not given or not parameters:
        return annotation
    return annotation[tuple(given.get(parameter, parameter) for parameter in parameters)]
