"""What a settings class asks for, worked out once a class: the settings' names, and how each text becomes a value."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from pydantic import AliasChoices, AliasPath, BaseModel, Json, SecretBytes, SecretStr
from pydantic import Secret as AnySecret

from envkit.settings.annotations import meant
from envkit.settings.model import AllowEmpty, DevelopmentOnly, ReadsByItselfError, reads_by_itself
from envkit.settings.types import DatabaseUrl, PrivateKey, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

Shape = Literal["text", "list", "json"]
"""How a text becomes what pydantic validates: as it is, split at commas or read as a JSON array, read as JSON."""


class Slot(NamedTuple):
    """One field of a settings class, possibly inside nested models."""

    name: str
    """The setting's name, as messages and channels use it."""
    names: tuple[str, ...]
    """All names that are looked up, the strongest first."""
    path: tuple[str, ...]
    """The field's place: names of fields from the class inwards."""
    shape: Shape
    secret: bool
    key: bool
    required: bool
    development: bool
    """Its default is fit only for development."""
    annotation: Any
    field: FieldInfo
    children: tuple[str, ...] = ()
    """For a nested model: the names of its settings. The whole can also be given as one JSON object."""


class Plan(NamedTuple):
    """All that loading needs to know about a settings class."""

    model: type[BaseModel]
    slots: tuple[Slot, ...]
    """In the order of the model; a nested model before its fields."""
    by_name: dict[str, int]
    """Every name that is looked up, to the index of its slot; a slot's stronger names come first."""
    by_file_name: dict[str, int]
    """Every ``NAME_FILE``, unless the class declares that very name as a setting."""
    by_path: dict[tuple[str, ...], int]
    by_location: dict[tuple[str, ...], int]
    """As `by_path`, and by the aliases under which pydantic reports an error."""
    by_alias: bool
    """Whether JSON may name fields by their aliases too: not where an alias is another field's name."""
    containers: tuple[int, ...]
    """Slots that stand for a whole nested model, beside the slots of its fields."""
    keeping_empty: frozenset[int]
    """Slots for which an empty value is a value."""
    ranks: dict[str, int]
    """The order of all names, strongest first, if some slot has several; else empty."""
    development: bool
    """Some default is fit only for development."""
    views: tuple[Plan, ...] = ()
    """Where slots share a name: the plan without those after the first, and each of those by itself; else nothing."""


def plan_of(model: type[BaseModel], prefix: str | None = None) -> Plan:
    """The plan of `model`, remembered for as long as the class lives.

    `prefix` is put before every name; None takes the class's own (`class MySettings(Settings, prefix="MY_")`).

    Raises:
        ReadsByItselfError: it or a model within is of pydantic-settings.
    """
    known = _plans.get(model)
    if known is None:
        known = _plans[model] = {}
    plan = known.get(prefix)
    if plan is None:
        plan = known[prefix] = _make(model, getattr(model, "settings_prefix", "") if prefix is None else prefix)
    return plan


def value_at(settings: BaseModel, slot: Slot) -> Any:
    """What an instance has in a slot; None where a model around it is None."""
    value: Any = settings
    for part in slot.path:
        value = getattr(value, part, None)
    return value


_plans: WeakKeyDictionary[type[BaseModel], dict[str | None, Plan]] = WeakKeyDictionary()


def _make(model: type[BaseModel], prefix: str) -> Plan:
    slots = tuple(_slots(model, prefix, (), (model,)))
    for kind in _kinds(model):
        if reads_by_itself(kind):
            raise ReadsByItselfError(kind)
    by_name: dict[str, int] = {}
    for index, slot in enumerate(slots):
        for name in slot.names:
            by_name.setdefault(name, index)
    twins = [index for index, slot in enumerate(slots) if any(by_name[name] != index for name in slot.names)]
    by_path = {slot.path: index for index, slot in enumerate(slots)}
    by_file_name = {f"{name}_FILE": index for name, index in by_name.items() if f"{name}_FILE" not in by_name}
    plan = Plan(
        model=model,
        slots=slots,
        by_name=by_name,
        by_file_name=by_file_name,
        containers=tuple(index for index, slot in enumerate(slots) if slot.children),
        keeping_empty=frozenset(index for index, slot in enumerate(slots) if _keeps_empty(slot.field)),
        ranks={name: rank for rank, name in enumerate(by_name)} if any(len(slot.names) > 1 for slot in slots) else {},
        by_path=by_path,
        by_location={place: index for index, slot in enumerate(slots) for place in _locations(slot, slots, by_path)},
        by_alias=not any(
            alias != slot.path[-1] and (*slot.path[:-1], alias) in by_path
            for slot in slots
            for alias in _aliases(slot.field)
        ),
        development=any(slot.development for slot in slots),
    )
    if not twins:
        return plan
    others = {name: index for name, index in by_name.items() if index not in twins}
    return plan._replace(views=(_view(plan, others), *(_view(plan, dict.fromkeys(slots[i].names, i)) for i in twins)))


def _view(plan: Plan, names: dict[str, int]) -> Plan:
    """The plan as far as these names go."""
    return plan._replace(
        by_name=names,
        by_file_name={f"{name}_FILE": i for name, i in names.items() if f"{name}_FILE" not in plan.by_name},
        ranks={name: rank for rank, name in enumerate(names)},
    )


def _locations(slot: Slot, slots: tuple[Slot, ...], by_path: dict[tuple[str, ...], int]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for depth, part in enumerate(slot.path, 1):
        words = {part, *_aliases(slots[by_path[slot.path[:depth]]].field)}
        found = [(*outer, word) for outer in found for word in words]
    return found


def _aliases(field: FieldInfo) -> list[str]:
    """The keys under which pydantic looks for a field."""
    alias = field.validation_alias or field.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [] if alias is None else [alias]
    return [str(choice.path[0]) if isinstance(choice, AliasPath) else choice for choice in choices]


def _slots(
    model: type[BaseModel], prefix: str, path: tuple[str, ...], within: tuple[type[BaseModel], ...]
) -> list[Slot]:
    """The slots of `model`'s fields; `within` are the models around it, which end a recursion."""
    found: list[Slot] = []
    if not model.__pydantic_complete__:  # it names classes that were defined after it
        model.model_rebuild()
    for field_name, field in model.model_fields.items():
        names = _names(field_name, field, prefix, nested=bool(path))
        kinds = list(_kinds(field.annotation))
        parts = [str] if _is_json(field.metadata) else _parts(field.annotation)
        nested = _nested_model(parts)
        inner: list[Slot] = []
        if nested is not None and nested not in within:
            inner = _slots(nested, f"{names[0]}__", (*path, field_name), (*within, nested))
        found.append(
            Slot(
                name=names[0],
                names=names,
                path=(*path, field_name),
                shape=_shape(parts),
                secret=any(issubclass(kind, _SECRET_TYPES) for kind in kinds),
                key=any(issubclass(kind, PrivateKey) for kind in kinds),
                required=field.is_required(),
                development=isinstance(field.default_factory, DevelopmentOnly),
                annotation=field.annotation,
                field=field,
                children=tuple(slot.name for slot in inner),
            )
        )
        found.extend(inner)
    return found


_SECRET_TYPES = (Secret, DatabaseUrl, SecretStr, SecretBytes, AnySecret)


def _keeps_empty(field: FieldInfo) -> bool:
    marks = [*field.metadata, *_marks(field.annotation)]
    return any(isinstance(mark, AllowEmpty) or mark is AllowEmpty for mark in marks)


def _marks(annotation: Any) -> list[Any]:
    """What Annotated adds to a type, or to a member of a union."""
    annotation = meant(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return [*annotation.__metadata__, *_marks(get_args(annotation)[0])]
    if origin is Union or origin is types.UnionType:
        return [mark for argument in get_args(annotation) for mark in _marks(argument)]
    return []


def _names(field_name: str, field: FieldInfo, prefix: str, *, nested: bool) -> tuple[str, ...]:
    """The names a field is looked up by: its explicit aliases as they are written, else its own in upper case.

    Within a nested model an alias stands for the field's own name, since the model may be there several times.
    """
    own = f"{prefix}{field_name}".upper()
    alias = field.validation_alias or field.alias
    if alias is None or field.alias_priority == 1:  # 1: made by an alias generator, meant for JSON
        return (own,)
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    names = [choice for choice in choices if isinstance(choice, str)]
    if nested:
        return tuple(dict.fromkeys([*(f"{prefix}{name}".upper() for name in names), own]))
    return tuple(names) or (own,)


def _is_json(metadata: Collection[Any]) -> bool:
    """Whether pydantic itself reads the text as JSON (`Json[...]`)."""
    kind: Any = Json  # which type checkers take for Annotated
    return any(mark is kind or isinstance(mark, kind) for mark in metadata)


def _parts(annotation: Any) -> list[Any]:
    """The members of a union without None, and what Annotated wraps; a plain type alone."""
    annotation = meant(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return [str] if _is_json(annotation.__metadata__) else _parts(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return [part for argument in get_args(annotation) if argument is not type(None) for part in _parts(argument)]
    return [annotation]


def _nested_model(parts: list[Any]) -> type[BaseModel] | None:
    if len(parts) == 1 and isinstance(parts[0], type) and issubclass(parts[0], BaseModel):
        return parts[0]
    return None


def _shape(parts: list[Any]) -> Shape:
    shapes = {_shape_of(part) for part in parts}
    # A union that takes text takes the text: nobody can tell from outside that JSON was meant.
    return shapes.pop() if len(shapes) == 1 else "text" if "text" in shapes else "json"


def _shape_of(part: Any) -> Shape:
    kind = get_origin(part) or part
    # A Flag is a collection of its bits.
    if not isinstance(kind, type) or issubclass(kind, (str, bytes, Enum)):
        return "text"
    if issubclass(kind, (BaseModel, Mapping)) or hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__total__"):
        return "json"
    return "list" if issubclass(kind, Collection) else "text"


def _kinds(annotation: Any, within: tuple[Any, ...] = ()) -> Iterator[type]:
    """The type that `annotation` is, and all that it has anywhere inside."""
    annotation = meant(annotation)
    if annotation in within:
        return
    inner = list(get_args(annotation))
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type):
        yield kind
        if issubclass(kind, BaseModel):
            inner = [field.annotation for field in kind.model_fields.values()]
    for part in inner:
        yield from _kinds(part, (*within, annotation))
