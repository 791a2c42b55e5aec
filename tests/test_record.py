"""Our NamedTuple is `typing`'s, held against it record by record."""

import copy
import importlib
import inspect
import pickle
import pkgutil
import typing
from types import new_class

import pytest

import mine_controller
from mine_controller.record import NamedTuple


class Pair(NamedTuple):
    """Two."""

    left: int
    right: str | None = None

    @property
    def both(self) -> str:
        return f"{self.left} {self.right}"


class Empty(NamedTuple):
    """None."""


def all_records():
    """Every record class of the program."""
    found = set()
    for module in pkgutil.walk_packages(mine_controller.__path__, "mine_controller."):
        if module.name.endswith("__main__"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, tuple) and hasattr(thing, "_field_defaults"):
                found.add(thing)
    return sorted((one for one in found if one.__module__.startswith("mine_controller.")), key=str)


def twin_of(record):
    def body(space):
        space.update({"__module__": __name__, "__annotations__": dict.fromkeys(record._fields, object)})
        space.update(record._field_defaults)

    return new_class(record.__name__, (typing.NamedTuple,), {}, body)


def told(make):
    """What comes of it: a value, or an error and its words."""
    try:
        return make()
    except (TypeError, ValueError, AttributeError) as error:
        return type(error), str(error)


def test_every_record_is_what_typing_makes_of_its_fields():
    records = all_records()
    assert len(records) > 300
    for record in records:
        is_what_typing_makes(record)


def is_what_typing_makes(ours):
    theirs = twin_of(ours)
    assert ours._fields == theirs._fields == ours.__match_args__
    assert ours._field_defaults == theirs._field_defaults
    assert [(one.name, one.kind, one.default) for one in inspect.signature(ours).parameters.values()] == [
        (one.name, one.kind, one.default) for one in inspect.signature(theirs).parameters.values()
    ]
    values = [f"v{at}" for at in range(len(ours._fields))]
    mine, other = ours(*values), theirs(*values)
    assert mine == other == tuple(values)
    assert hash(mine) == hash(other)
    assert mine._asdict() == other._asdict()
    assert [getattr(mine, name) for name in ours._fields] == values
    assert told(lambda: ours(*values, 1)) == told(lambda: theirs(*values, 1))
    assert told(lambda: ours(strange=1)) == told(lambda: theirs(strange=1))
    assert told(lambda: mine._replace(strange=1)) == told(lambda: other._replace(strange=1))
    assert told(lambda: ours._make((*values, 1))) == told(lambda: theirs._make((*values, 1)))


def test_a_record_is_made_and_changed_and_shown():
    assert Pair(1) == (1, None)
    assert Pair(right="b", left=2) == (2, "b")
    assert Pair._make([3, "c"]) == (3, "c")
    assert Pair(1)._replace(right="x") == Pair(1, "x")
    assert type(Pair(1)._replace(left=2)) is Pair
    assert repr(Pair(1)) == "Pair(left=1, right=None)"
    assert Pair(4, "d").both == "4 d"
    assert repr(Empty()) == "Empty()"
    assert Pair.__doc__ == "Two."


def test_a_record_is_copied_and_pickled():
    for again in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        made = again(Pair(1, "x"))
        assert made == Pair(1, "x")
        assert type(made) is Pair


def test_a_record_can_not_be_written_to():
    with pytest.raises(AttributeError):
        Pair(1).left = 2
    with pytest.raises(AttributeError):
        Pair(1).other = 2


def test_a_record_matches_by_place_and_its_types_are_known():
    match Pair(1, "x"):
        case Pair(left, right):
            assert (left, right) == (1, "x")
    assert typing.get_type_hints(Pair) == {"left": int, "right": str | None}
    assert typing.get_type_hints(Pair.__new__) == typing.get_type_hints(Pair)


@pytest.mark.parametrize(
    "body",
    [
        {"__annotations__": {"a": int, "b": int}, "a": 1},
        {"__annotations__": {"_a": int}},
        {"__annotations__": {"a": int}, "_replace": None},
    ],
)
def test_what_typing_refuses_is_refused(body):
    whole = {"__module__": __name__, **body}
    ours = told(lambda: new_class("Bad", (NamedTuple,), {}, lambda space: space.update(whole)))
    theirs = told(lambda: new_class("Bad", (typing.NamedTuple,), {}, lambda space: space.update(whole)))
    assert ours[0] is theirs[0]


def test_a_record_has_no_other_base():
    with pytest.raises(TypeError, match="no other bases"):
        new_class("Bad", (NamedTuple, dict))


def test_every_record_comes_from_there():
    assert [one for one in all_records() if one.__bases__ == (tuple,)] == []
