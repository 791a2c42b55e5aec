"""Numbers of a body, as they stand in requests and in config.txt."""

from mine_controller.api.bodies import BandChange, told
from mine_controller.api.strategy import values_of


def test_a_number_is_asked_for_as_it_was_sent(served):
    """Six figures of it were: 1,234,567 W became 1.23457e+06 in the audit log, and 3 W more to the rules."""
    for value in (39.0, 31.1234567):
        served.post("/api/debug/raw-state", {"key": "inlet_c", "value": value, "for_s": 60, "reason": "a trial"})
    assert [one.args for one in served.place.requests()] == [("inlet_c", "39"), ("inlet_c", "31.1234567")]
    assert [told(value) for value in (1_234_567.0, 1e6, -1e9, 0.1 + 0.2)] == [
        "1234567",
        "1000000",
        "-1000000000",
        "0.3",
    ]
    assert values_of(BandChange(max_price=123.45678), ()) == {"max_price": "123.45678"}
    served.settle()
