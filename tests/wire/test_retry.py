import pytest

from mine_controller.wire import retry
from mine_controller.wire.door import Request, Response, Wire, WireError

REQUEST = Request("GET", "http://192.0.2.1/")
GOOD = Response(200, {}, b"")


def wire(script, until=10.0):
    """Each call takes the next of the script; time passes only in `sleep`."""
    clock, calls = [0.0], []

    def call(request, call_until):
        calls.append(clock[0])
        said = script[len(calls) - 1]
        if isinstance(said, Exception):
            raise said
        return said

    return Wire(call, lambda: clock[0], lambda s: clock.__setitem__(0, clock[0] + s), until), calls


@pytest.fixture(autouse=True)
def _active():
    before = retry.is_active()
    retry.set_active(True)
    yield
    retry.set_active(before)


@pytest.mark.parametrize("kind", ["refused", "unreachable", "closed", "timeout"])
def test_a_read_that_failed_on_its_way_is_asked_once_more_after_a_pause(kind):
    plain, calls = wire([WireError(kind, "x"), GOOD])
    assert retry.reads(plain).call(REQUEST, 10) == GOOD
    assert calls == [0.0, retry.PAUSE_S]


def test_the_second_failure_is_the_answer():
    plain, calls = wire([WireError("closed", "first"), WireError("closed", "second"), GOOD])
    with pytest.raises(WireError, match="second"):
        retry.reads(plain).call(REQUEST, 10)
    assert len(calls) == 2


@pytest.mark.parametrize("kind", ["tls", "dns", "too_large", "redirect", "bad_http"])
def test_what_would_say_the_same_again_is_not_asked_again(kind):
    plain, calls = wire([WireError(kind, "x"), GOOD])
    with pytest.raises(WireError):
        retry.reads(plain).call(REQUEST, 10)
    assert len(calls) == 1


def test_without_time_left_there_is_no_second_attempt():
    plain, calls = wire([WireError("closed", "x"), GOOD], until=0.1)
    with pytest.raises(WireError):
        retry.reads(plain).call(REQUEST, 0.1)
    assert len(calls) == 1


def test_retries_can_be_turned_off():
    retry.set_active(False)
    plain, calls = wire([WireError("closed", "x"), GOOD])
    with pytest.raises(WireError):
        retry.reads(plain).call(REQUEST, 10)
    assert len(calls) == 1
