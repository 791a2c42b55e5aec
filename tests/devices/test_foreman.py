import json

import pytest
from devices.kinds import CANARY, build
from devices.scripted import Script, apply, lost, order, orders, told, value, verdicts

from mine_controller.core.model.command import ACCEPTED, NOT_SENT, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.core.option import Secret
from mine_controller.devices import foreman
from mine_controller.devices.kind import Ask, BadReply

MAC = "aa:bb:cc:00:00:01"


def options(**more):
    return build("foreman", "https://192.0.2.1", **{"client": "1234", "pickaxe": "7", **more})


def read(script, chosen=None, **ask):
    chosen = chosen or options()
    return foreman.parse(foreman.fetch(script.wire, chosen, Ask(**ask)), chosen)


def miner(number, **more):
    return {"id": number, "mac": f"aa:bb:cc:00:00:{number % 256:02x}", "status": "okay", "active": True} | more


def taken(request):
    return told({"command": 4711, "status": "okay"})


def throttled(gap_s=1.0):
    """A service that takes one call per path pattern and `gap_s`, and says so with 429."""
    last = {}

    def answer(request):
        kind, now = request.method, script.clock - script.call_s
        if now - last.get(kind, -1e9) < gap_s - 0.001:
            return told({"detail": "Request was throttled."}, 429, retry_after="1")
        last[kind] = now
        return taken(request)

    script = Script(answer)
    return script


def test_the_key_travels_in_the_header_and_the_ids_in_the_path():
    script = Script(lambda _: told([miner(1)]))
    assert value(read(script), MAC, "address") == "1"
    assert script.asked == ["GET /api/miners/1234/7"]
    assert script.requests[0].headers["authorization"] == f"Token {CANARY}"


def test_a_mode_is_set_miner_by_miner_at_one_call_a_second():
    script = throttled()
    outcomes = apply(foreman, script, options(), orders(["11", "12", "13"], "stop"))
    assert verdicts(outcomes) == [ACCEPTED] * 3
    assert [each.ticket for each in outcomes] == ["4711"] * 3
    assert script.asked == [f"POST /api/actions/power-mode/{at}" for at in (11, 12, 13)]
    assert json.loads(script.requests[0].body) == {"powerMode": "sleeping"}
    assert script.times == [0.0, 1.05, 2.1]


def test_run_means_the_run_mode():
    script = Script(taken)
    apply(foreman, script, options(run_mode="high"), [order("11", "run")])
    assert json.loads(script.requests[0].body) == {"powerMode": "high"}


def test_too_many_calls_is_waited_out_and_then_sent_once():
    answers = iter([told({}, 429, retry_after="7"), taken(None)])
    script = Script(lambda _: next(answers))
    assert verdicts(apply(foreman, script, options(), [order("11", "stop")])) == [ACCEPTED]
    assert script.times == [0.0, 7.1]


def test_a_wait_that_ends_after_the_lanes_time_leaves_the_rest_unsent():
    script = Script(lambda _: told({}, 429, retry_after="60"))
    outcomes = apply(foreman, script, options(), orders(["11", "12"], "stop"))
    assert verdicts(outcomes) == [NOT_SENT, NOT_SENT]
    assert len(script.requests) == 1


def test_what_the_pace_does_not_reach_is_not_sent():
    script = throttled()
    script.wire = script.wire._replace(until=script.clock + 2.7)
    outcomes = apply(foreman, script, options(), orders(["11", "12", "13", "14"], "stop"))
    assert verdicts(outcomes) == [ACCEPTED, ACCEPTED, ACCEPTED, NOT_SENT]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (told({"command": 1, "status": "error"}), REFUSED),
        (told({"detail": "Not found."}, 404), REFUSED),
        (told(b"<html>"), UNKNOWN),
        (told({}), UNKNOWN),
        (told([1]), UNKNOWN),
        (told({}, 502), UNKNOWN),
        (told({"status": "okay"}), ACCEPTED),
        (told({"status": "okay", "command": {"a": 1}}), ACCEPTED),
    ],
)
def test_an_answer_to_a_command_means_what_it_says(answer, verdict):
    (outcome,) = apply(foreman, Script(lambda _: answer), options(), [order("11", "stop")])
    assert outcome.verdict == verdict
    assert outcome.ticket is None
    assert outcome.why or verdict == ACCEPTED


def test_a_key_that_is_not_taken_is_tried_once():
    script = Script(lambda _: told({"detail": "Invalid token."}, 401))
    outcomes = apply(foreman, script, options(), orders(["11", "12", "13"], "stop"))
    assert verdicts(outcomes) == [REFUSED] * 3
    assert len(script.requests) == 1


def test_cmd7_a_lost_answer_is_unknown_and_not_sent_again():
    script = Script(lambda _: lost())
    assert verdicts(apply(foreman, script, options(), [order("11", "stop")])) == [UNKNOWN]
    assert len(script.requests) == 1


def test_the_internet_away_is_found_out_three_times_and_not_once_a_miner():
    script = Script(lambda _: lost("dns", "no such host"))
    outcomes = apply(foreman, script, options(), orders([str(at) for at in range(11, 31)], "stop"))
    assert verdicts(outcomes) == [UNREACHABLE] * 20
    assert len(script.requests) == 3


def test_other_verbs_and_strange_ids_are_not_sent():
    script = Script(taken)
    outcomes = apply(foreman, script, options(), [order("11", "off"), order("../1", "stop", 2), order("", "stop", 3)])
    assert verdicts(outcomes) == [UNSUPPORTED, REFUSED, REFUSED]
    assert script.requests == []


def test_pages_are_read_until_a_short_one():
    def page(request):
        start = int(request.url.rpartition("offset=")[2])
        return told({"results": [miner(at) for at in range(start, min(start + 10, 25))]})

    script = Script(page)
    chosen = options(paged=True, page_size=10, miners_path="/api/v2/clients/{client}/miners")
    found = read(script, chosen)
    assert [each.partition("?")[2] for each in script.asked] == [f"limit=10&offset={at}" for at in (0, 10, 20)]
    assert len([each for each in found if each.quantity == "address"]) == 25
    assert script.times == [0.0, 1.05, 2.1]


def v2_of(count, most, **more):
    """A service that lists `count` miners, `most` a page whatever it is asked for."""

    def page(request):
        start = int(request.url.partition("offset=")[2] or 0)
        rows = [miner(at) for at in range(start, min(start + most, count))]
        return told({"limit": most, "offset": start, "total": count, "results": rows, **more})

    return Script(page)


def test_a_page_smaller_than_asked_for_is_not_the_last_one_while_the_list_says_that_it_has_more():
    script = v2_of(25, 10)
    found = read(script, options(paged=True, page_size=500))
    assert [each.partition("?")[2] for each in script.asked] == [f"limit=500&offset={at}" for at in (0, 10, 20)]
    assert len([each for each in found if each.quantity == "address"]) == 25
    assert all(each.quantity != "text" for each in found)


def test_a_list_without_a_sum_ends_with_a_page_that_is_short_by_its_own_limit():
    script = v2_of(25, 10, total=None)
    read(script, options(paged=True, page_size=500))
    assert len(script.asked) == 3


@pytest.mark.parametrize(("more", "read_of_it"), [({"paged": True, "max_pages": 2}, 20), ({}, 10)])
def test_a_list_of_which_a_part_was_read_says_so(more, read_of_it):
    found = read(v2_of(25, 10), options(**more))
    assert value(found, "", "text").startswith(f"list cut short: {read_of_it} of 25 miners")


def test_a_sum_beyond_all_there_is_ends_with_an_empty_page():
    script = v2_of(5, 10, total=99)
    assert "5 of 99" in value(read(script, options(paged=True)), "", "text")
    assert len(script.asked) == 2


def test_a_page_that_is_lost_leaves_the_pages_before_it_known_and_says_so():
    answers = iter([told({"results": [miner(at) for at in range(10)]})])
    script = Script(lambda _: next(answers, None) or lost())
    found = read(script, options(paged=True, page_size=10))
    assert value(found, MAC, "address") == "1"
    assert "cut short" in value(found, "", "text")


def test_no_more_pages_than_allowed_are_read():
    script = Script(lambda _: told({"results": [miner(at) for at in range(10)]}))
    read(script, options(paged=True, page_size=10, max_pages=3))
    assert len(script.requests) == 3


def test_a_miner_named_on_two_pages_is_one_and_two_of_one_mac_are_nobody():
    found = read(Script(lambda _: told([miner(1), miner(1), miner(2), miner(9, mac="AABBCC000002")])))
    assert value(found, MAC, "address") == "1"
    assert value(found, "aa:bb:cc:00:00:02", "address") is None


def test_three_miners_with_one_mac_are_still_nobody():
    found = read(Script(lambda _: told([miner(1), miner(2, mac=MAC), miner(2, mac=MAC)])))
    assert value(found, MAC, "address") is None


def test_cmd7_jobs_are_asked_after_the_list_and_alone_when_nothing_else_is_wanted():
    def unit(request):
        return told({"status": "complete"}) if "status" in request.url else told([miner(1)])

    script = Script(unit)
    assert value(read(script, tickets=("4711", "4712")), "4712", "ticket") == "complete"
    assert script.asked == ["GET /api/miners/1234/7", "GET /api/actions/status/4711", "GET /api/actions/status/4712"]
    alone = Script(unit)
    read(alone, channels=("-",), tickets=("4711",))
    assert alone.asked == ["GET /api/actions/status/4711"]


def test_a_job_that_the_published_schema_calls_a_success_is_complete():
    script = Script(lambda request: told({"status": "success"}) if "status" in request.url else told([miner(1)]))
    assert value(read(script, tickets=("4711",)), "4711", "ticket") == "complete"


@pytest.mark.parametrize("key", ["кey", "two words", "a\u2013b", "\ufeffkey"])
def test_a_key_that_no_header_carries_is_told_with_the_config(key):
    assert foreman.faults(options(key=Secret(key))) == [
        "key: holds a blank or a letter that no such key has: was it copied whole, and nothing else?"
    ]
    assert foreman.faults(options()) == []


def test_a_job_whose_status_is_lost_is_unknown_and_the_miners_stay_known():
    script = Script(lambda request: lost() if "status" in request.url else told([miner(1)]))
    found = read(script, tickets=("4711",))
    assert value(found, "4711", "ticket") is None
    assert value(found, MAC, "word") == "hashing"


def test_what_was_heard_long_ago_is_no_word_of_now():
    date = "Wed, 15 Jul 2026 19:07:00 GMT"
    old, new = miner(1, lastUpdated="2026-07-15T18:50:00Z"), miner(2, lastUpdated="2026-07-15T19:06:00Z")
    found = read(Script(lambda _: told([old, new], date=date)))
    assert value(found, MAC, "word") is None
    assert value(found, "aa:bb:cc:00:00:02", "word") == "hashing"


@pytest.mark.parametrize(
    ("told_at", "word"),
    [
        ("2026-07-15T19:12:00Z", "hashing"),  # their clocks differ by minutes
        ("2026-07-15T20:07:00Z", "its time lies 60 min ahead"),
        ("2026-07-15T19:06:00", "Foreman heard of it at '2026-07-15T19:06:00', which is no time with a zone"),
        ("2 days ago", "Foreman heard of it at '2 days ago', which is no time with a zone"),
        (None, "hashing"),  # a list that tells no times
        (True, "hashing"),
    ],
)
def test_a_word_of_a_time_that_can_not_be_is_no_word_of_now(told_at, word):
    date = "Wed, 15 Jul 2026 19:07:00 GMT"
    (found,) = [
        each
        for each in read(Script(lambda _: told([miner(1, lastUpdated=told_at, seen=None)], date=date)))
        if each.quantity == "word"
    ]
    assert (found.value or found.why) == word


@pytest.mark.parametrize("status", ["wird geladen", "", None, 7, ["okay"], {"a": 1}])
def test_an_unknown_status_is_no_word(status):
    found = read(Script(lambda _: told([miner(1, status=status)])))
    assert value(found, MAC, "word") is None
    assert value(found, MAC, "address") == "1"


def test_a_miner_that_is_disabled_in_foreman_is_not_known_to_be_away():
    """`active` is "enabled in Foreman" in the vendor's swagger.yaml: nobody looks at it, and it may well draw power."""
    (found,) = [
        each
        for each in read(Script(lambda _: told([miner(1, active=False, status="disabled")])))
        if each.quantity == "word"
    ]
    assert (found.value, found.why) == (None, "it is disabled in Foreman, which does not look at it then")


def test_why_nothing_is_known_of_a_disabled_miner_is_told_long_after():
    """Foreman hears of it no more from then on: after ten minutes its age stood in the reason's place."""
    hours_ago = miner(1, active=False, status="disabled", lastUpdated="2026-07-15T14:00:00Z")
    (found,) = [
        each
        for each in read(Script(lambda _: told([hours_ago], date="Wed, 15 Jul 2026 19:07:00 GMT")))
        if each.quantity == "word"
    ]
    assert (found.value, found.why) == (None, "it is disabled in Foreman, which does not look at it then")


@pytest.mark.parametrize(
    ("status", "state", "word"),
    [
        ("okay", "sleeping", "sleeping"),
        ("okay", "Offline", "offline"),
        ("okay", "mining", "hashing"),
        ("okay", "", "hashing"),
        ("okay", "TX", "hashing"),
        ("okay", None, "hashing"),
        ("fail", "mining", "error"),
        ("warn", "mining", "hashing"),
        ("warn", None, None),
    ],
)
def test_where_a_row_has_a_status_and_a_state_okay_only_says_that_nothing_is_wrong(status, state, word):
    """v2 tells both (the Go client of a public fleet manager); `okay` is a word of health, of a sleeper too."""
    found = read(Script(lambda _: told([miner(1, status=status, state=state, seen=True)])))
    assert value(found, MAC, "word") == word


def test_what_hashes_nothing_by_foremans_own_figure_is_not_known_to_hash():
    chosen = options(hashrate_path="metrics.hashRate")
    rows = [miner(1, metrics={"hashRate": "0"}), miner(2, metrics={"hashRate": "110000000000000"}), miner(3)]
    found = read(Script(lambda _: told(rows)), chosen)
    assert [value(found, f"aa:bb:cc:00:00:0{n}", "word") for n in (1, 2, 3)] == [None, "hashing", "hashing"]
    assert [value(found, f"aa:bb:cc:00:00:0{n}", "hashrate_ths") for n in (1, 2)] == [0.0, 110.0]


@pytest.mark.parametrize("mac", [None, "", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "aa:bb:cc", 7, "x" * 99])
def test_a_miner_without_a_mac_is_nobody(mac):
    assert read(Script(lambda _: told([miner(1, mac=mac)]))) == ()


def test_a_list_that_can_not_be_read_is_a_bad_reply():
    for body in (b"<html>", b"{}", b'"pong"', b""):
        with pytest.raises(BadReply):
            read(Script(lambda _, body=body: told(body)))
    with pytest.raises(BadReply, match="too many calls"):
        read(Script(lambda _: told({}, 429, retry_after="120")))
