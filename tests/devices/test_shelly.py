"""A Shelly meter whose energy counter hangs, which nothing waits for longer than the owner said."""

import pytest
from devices.kinds import build
from devices.virtual import Scripted, ok

from mine_controller.devices import shelly
from mine_controller.devices.kind import Ask
from mine_controller.wire.door import WireError

CHANNEL = b'{"id": 0, "act_power": 1200.5, "voltage": 231.2, "current": 5.3, "freq": 50.0}'


@pytest.mark.parametrize("timeout_s", [0.5, 6.0])
def test_no_request_takes_longer_than_the_option_says_also_not_that_of_the_energy_counter(timeout_s):
    """The counter had five seconds of its own: of two channels the second one was then not asked for its watts."""
    options = build("shelly", "http://192.0.2.71", channels=("0", "1"), timeout_s=timeout_s)
    meter = Scripted(lambda request: WireError("timeout", "hangs") if "EM1Data" in request.url else ok(CHANNEL))
    taken = []

    def call(request, until):
        taken.append(round(until - meter.now, 3))
        return meter.wire.call(request, until)

    replies = shelly.fetch(meter.wire._replace(call=call), options, Ask())
    assert taken == [timeout_s] * 4
    found = {(one.channel, one.quantity): one.value for one in shelly.parse(replies, options)}
    assert (found["1", "power_w"], found["1", "energy_kwh"]) == (1200.5, None)
