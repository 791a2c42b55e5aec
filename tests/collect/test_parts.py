"""Which parts of a message tell something."""

import pytest

from mine_controller.collect.parts import told

PATHS = ("ENERGY.Power", "AM2301.Temperature")


@pytest.mark.parametrize(
    ("body", "spoken_of"),
    [
        (b'{"ENERGY":{"Power":1},"AM2301":{"Temperature":2}}', PATHS),
        (b'{"ENERGY":{"Power":1}}', PATHS[:1]),
        (b'{"Switch1":"ON"}', ()),
        (b'{"ENERGY":{"Total":1}}', ()),
        (b'{"AM2301":{"Temperature":null}}', PATHS[1:]),
        (b'{"AM2301":null}', PATHS[1:]),
        (b'{"ENERGY":[1,2]}', PATHS[:1]),
    ],
)
def test_a_message_is_silent_only_about_what_its_json_does_not_hold(body, spoken_of):
    assert told(body, PATHS) == spoken_of


@pytest.mark.parametrize("body", [b"", b"21.5", b"no json", b"\xff\x00", b"[]", b"[" * 9000, b'{"a":' * 9000])
def test_what_is_no_such_message_ends_what_every_part_was(body):
    assert told(body, PATHS) == PATHS


def test_where_no_part_counts_by_itself_nothing_is_looked_at():
    assert told(b"{}", ()) == ()
