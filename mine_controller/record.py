"""`NamedTuple` as `typing` has it, at a tenth of what a class of it costs to make.

A tick makes some 230 of these classes before it does anything, and `typing.NamedTuple` compiles a constructor from text
for each: an eighth of the whole tick (`bench/fleet.py whole`). Here the constructor of all records with as many fields
is compiled once, and each gets a copy with the names of its own fields. To a type checker this is `typing.NamedTuple`;
to everybody else the classes are alike in all that is documented there, and `tests/test_record.py` holds each
record of the program against its twin from `typing`.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.version_info >= (3, 14):  # from there on annotations are no longer in the body of a class
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - this is how a name is passed on
else:
    from collections.abc import Callable, Iterable
    from operator import itemgetter
    from types import FunctionType
    from typing import Any, Self

    try:
        from _collections import _tuplegetter
    except ImportError:  # an interpreter whose `collections` is written in Python

        def _tuplegetter(place: int, doc: str) -> property:
            return property(itemgetter(place), doc=doc)

    _OURS = {"__new__", "__init__", "__slots__", "__getnewargs__", "_fields", "_field_defaults", "_make", "_replace"}

    _UNEXPECTED = TypeError if sys.version_info >= (3, 13) else ValueError  # as `collections` has it

    class _Record(tuple):
        """What all records have."""

        __slots__ = ()
        _fields = ()  # without types: those of a record are of its fields alone
        _places = {}  # noqa: RUF012 - where its fields stand; each record has its own

        @classmethod
        def _make(cls, iterable: Iterable[Any]) -> Self:
            made = tuple.__new__(cls, iterable)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changes: Any) -> Self:
            places, values = self._places, list(self)
            try:
                for name, value in changes.items():
                    values[places[name]] = value
            except KeyError:
                strange = [name for name in changes if name not in places]
                raise _UNEXPECTED(f"Got unexpected field names: {strange!r}") from None
            return tuple.__new__(self.__class__, values)

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            told = ", ".join([f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True)])
            return f"{self.__class__.__name__}({told})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    _makers: dict[int, Callable[..., Any]] = {}

    def _maker(size: int) -> Callable[..., Any]:
        """A constructor of as many fields, whose names are still to be given."""
        made = _makers.get(size)
        if made is None:
            names = "".join([f"_{place}, " for place in range(size)])
            text = f"lambda _cls, {names}: _tuple_new(_cls, ({names}))"
            made = _makers[size] = eval(text, {"_tuple_new": tuple.__new__, "__builtins__": {}})  # noqa: S307
        return made

    def _constructor(of: str, types: dict[str, Any], defaults: tuple[Any, ...]) -> Callable[..., Any]:
        plan = _maker(len(types))
        code = plan.__code__.replace(co_varnames=("_cls", *types), co_name="__new__")
        made = FunctionType(code, plan.__globals__, "__new__", defaults)
        made.__qualname__, made.__annotations__ = f"{of}.__new__", types
        return made

    def _defaults(name: str, fields: tuple[str, ...], body: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for field in fields:
            if field[0] == "_":
                raise ValueError(f"Field names cannot start with an underscore: {field!r}")
            if field in body:
                given[field] = body[field]
            elif given:
                raise TypeError(f"{name}: non-default field {field} cannot follow default field {next(iter(given))}")
        return given

    class _Maker(type):
        """Makes a record of what stands in the body of a class."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            """The class, which is a plain one."""
            if not bases:
                return type.__new__(cls, name, bases, body)
            if bases != (NamedTuple,):
                raise TypeError("a record has no other bases")
            if taken := _OURS.intersection(body):
                raise AttributeError(f"Cannot overwrite NamedTuple attribute {min(taken)}")
            types = body.setdefault("__annotations__", {})
            fields = tuple(types)
            defaults = _defaults(name, fields, body)
            body["__new__"] = _constructor(name, types, tuple(defaults.values()))
            places = dict(zip(fields, range(len(fields)), strict=True))
            body.update(__slots__=(), _fields=fields, _field_defaults=defaults, __match_args__=fields, _places=places)
            for place, field in enumerate(fields):
                body[field] = _tuplegetter(place, "")
            return type(name, (_Record,), body)

    class NamedTuple(metaclass=_Maker):
        """The base that a record names."""
