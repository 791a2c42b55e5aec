"""What holds for every kind whose unit takes the commands of a lane one after the other."""

import pytest
from devices.kinds import build
from devices.scripted import Script, apply, orders, told, verdicts

from mine_controller.core.model.command import REFUSED
from mine_controller.core.option import Secret
from mine_controller.devices import http_pdu, jaws, raritan, redfish
from mine_controller.devices.kind import Ask, BadReply

SWITCHED = {
    "redfish": (redfish, "A", {"groups": ("left: A1-A2", "right: A3-A4")}),
    "jaws": (jaws, "A", {"groups": ("left: A1-A2", "right: A3-A4")}),
    "raritan": (raritan, "", {"outlets": 90}),
    "raritan one by one": (raritan, "", {"outlets": 90, "bulk": False}),
    "http_pdu": (
        http_pdu,
        "A",
        {
            "on_url": "/on/{outlet}",
            "off_url": "/off/{outlet}",
            "read_url": "/watts/{outlet}",
            "watts_path": "w",
            "outlets": tuple(f"A{at}" for at in range(1, 81)),
        },
    ),
}


@pytest.fixture(params=SWITCHED)
def unit(request):
    kind, prefix, more = SWITCHED[request.param]
    name = request.param.split(" ")[0]
    return kind, prefix, build(name, "https://192.0.2.1", user="admin", password=Secret("wrong"), on_pause_s=0, **more)


@pytest.mark.parametrize("verb", ["on", "off"])
def test_a_refused_login_is_shown_once_a_batch_whatever_groups_and_bulk_calls_it_has(unit, verb):
    """A PX3 or PRO4X can block a user after some failed logins, and its owner with it."""
    kind, prefix, options = unit
    script = Script(lambda _: told({}, 401))
    outcomes = apply(kind, script, options, orders([f"{prefix}{at}" for at in range(1, 81)], verb))
    assert verdicts(outcomes) == [REFUSED] * 80
    assert len(script.asked) == 1
    assert all("the login was refused (401)" in each.why for each in outcomes)


def test_a_refused_login_is_shown_once_a_reading(unit):
    kind, _, options = unit
    script = Script(lambda _: told({}, 401))
    with pytest.raises(BadReply, match=r"the login was refused \(401\)"):
        kind.parse(kind.fetch(script.wire, options, Ask()), options)
    assert len(script.asked) == 1
