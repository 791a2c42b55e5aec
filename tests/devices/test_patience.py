"""Addresses that were silent are asked seldom and shortly; one that answers is back at once (performance, MIN2)."""

import pytest

from mine_controller.devices import _patience
from mine_controller.devices._patience import Patience, Rest
from mine_controller.wire.door import Exchange, WireError, in_rounds

HUNG = WireError("timeout", "no answer in 6.0 s")
DARK = WireError("unreachable", "no connection in 2.0 s")
HOSTS = [f"10.0.1.{at}" for at in range(1, 9)]


def how(exchange):
    """In the usual way (""), riding along, or for so long."""
    limits = (
        exchange.connect_s and f"connect {exchange.connect_s}",
        exchange.within_s and f"within {exchange.within_s}",
    )
    return "rides" if exchange.rides else " ".join(filter(None, limits))


class Street:
    """Addresses that answer b"ok" unless `bad` says otherwise; `asked` has what went out in each round."""

    def __init__(self, **bad):
        self.bad, self.asked, self.memory = {f"10.0.1.{key[1:]}": value for key, value in bad.items()}, [], {}

    def many(self, batch, until):
        self.asked.append({one.host: how(one) for one in batch})
        return [self.bad.get(one.host, b"ok") for one in batch]

    def round(self, at_s, hosts=HOSTS, channels=()):
        """One fetch; what each address got."""
        self.asked = []
        patience = Patience(self.memory, at_s, channels)
        answers = patience.over(self.many)([Exchange(host, 80, b"x") for host in hosts], 0.0)
        for one in patience.found():
            self.memory[one.channel] = one.value
        return dict(zip(hosts, answers, strict=True))


class Talking(Street):
    """The same, where each address is asked two questions; `bad2` is what the second one gets."""

    def __init__(self, bad2, **bad):
        super().__init__(**bad)
        self.bad2, self.heard = bad2, {}

    def many(self, batch, until):
        return in_rounds(batch, self.volley)

    def volley(self, exchanges):
        self.asked.append({one.host: how(one) for one in exchanges})
        return [
            self.bad.get(one.host, b"ok") if one.send == b"1" else self.bad2.get(one.host, b"2") for one in exchanges
        ]

    def talk(self, at_s, hosts=HOSTS):
        """One fetch of a driver that talks; the answers each address gave."""
        self.asked, self.heard = [], {host: [] for host in hosts}
        patience = Patience(self.memory, at_s)
        first = [Exchange(host, 80, b"1", then=lambda answer, host=host: self.next(host, answer)) for host in hosts]
        patience.over(self.many)(first, 0.0)
        for one in patience.found():
            self.memory[one.channel] = one.value

    def next(self, host, answer):
        self.heard[host].append(answer)
        if len(self.heard[host]) == 2 or isinstance(answer, WireError):
            return None
        return Exchange(host, 80, b"2", then=lambda answer: self.next(host, answer))


def known(street):
    street.memory |= {host: f"02:00:00:00:00:0{host[-1]}" for host in HOSTS}
    return street


def test_a_fleet_without_trouble_is_asked_as_it_is():
    street = Street()
    assert set(street.round(1000).values()) == {b"ok"}
    assert street.memory == {"patience": "-"}
    street.round(1120)
    assert street.asked == [dict.fromkeys(HOSTS, "")]


def test_a_hung_one_costs_one_time_out_and_then_nothing():
    street = known(Street(b3=HUNG))
    street.round(1000)
    assert street.asked[0]["10.0.1.3"] == ""
    street.round(1120)
    assert street.asked[0]["10.0.1.3"] == "rides"
    said = street.round(1240)["10.0.1.3"]
    assert "10.0.1.3" not in street.asked[0]
    assert said.why == "takes connections and does not answer (2 times); asked again in 3 min"


def test_a_second_look_in_the_tick_of_the_first_failure_is_a_whole_one_and_no_second_failure():
    street = known(Street(b3=HUNG))
    for at_s in (1000, 1020, 1050):
        street.round(at_s)
        assert street.asked[0]["10.0.1.3"] == ""
    assert street.memory["patience"] == "h 1 1120 10.0.1.3"


def test_a_probe_of_a_hung_one_comes_after_2_4_8_and_15_minutes_and_mostly_rides_along():
    street = known(Street(b3=HUNG))
    probes = []
    for at_s in range(0, 6000, 120):
        street.round(at_s)
        if "10.0.1.3" in street.asked[0]:
            probes.append((at_s, street.asked[0]["10.0.1.3"]))
    assert [at_s for at_s, _ in probes] == [0, 120, 360, 840, 1800, 2760, 3720, 4680, 5640]
    one, ridden = "within 1.0", "rides"
    assert [way for _, way in probes] == ["", ridden, one, ridden, "", ridden, one, ridden, ""]


def test_a_dark_one_is_looked_for_in_every_tick_and_once_connected_has_its_usual_time():
    street = known(Street(b3=DARK))
    probes = []
    for at_s in range(0, 600, 120):
        street.round(at_s)
        probes.append(street.asked[0]["10.0.1.3"])
    assert probes == ["", "rides", "connect 0.5", "rides", "connect 0.5"]


@pytest.mark.parametrize(
    "answer", [b"ok", b"junk", WireError("refused", "refused"), WireError("closed", "hung up"), WireError("tls", "x")]
)
def test_one_that_answers_whatever_is_back_at_once(answer):
    street = known(Street(b3=HUNG))
    street.round(1000)
    street.bad = {"10.0.1.3": answer}
    street.round(1120)
    assert street.memory["patience"] == "-"
    street.round(1180)
    assert street.asked[0]["10.0.1.3"] == ""


def test_a_tick_that_begins_a_little_early_still_probes():
    street = known(Street(b3=HUNG))
    street.round(1000)
    street.round(1095)
    assert "10.0.1.3" in street.asked[0]


def test_one_asked_for_by_name_is_asked_whatever_it_did():
    street = known(Street(b3=HUNG))
    street.memory["patience"] = "h 3 1900 10.0.1.3"
    street.round(1010, channels=("02:00:00:00:00:03",))
    assert street.asked[0]["10.0.1.3"] == ""


def test_addresses_nobody_ever_answered_at_are_scanned_every_ten_minutes_in_slices(monkeypatch):
    monkeypatch.setattr(_patience, "SLICE", 4)
    street = Street(**{f"b{at}": DARK for at in range(2, 9)})
    street.round(1000)
    assert street.memory["patience"] == "v 0 1600 10.0.1.2-10.0.1.8"
    street.round(1120)
    assert list(street.asked[0]) == ["10.0.1.1"]
    street.round(1600)
    assert list(street.asked[0]) == HOSTS[:5]
    assert street.asked[0]["10.0.1.2"] == "connect 1.0"
    street.round(1720)
    assert list(street.asked[0]) == ["10.0.1.1", *HOSTS[5:]]


def test_a_new_unit_at_an_empty_address_is_found_by_the_scan():
    street = Street(b2=DARK, b3=DARK)
    street.round(1000)
    street.bad = {"10.0.1.3": DARK}
    assert street.round(1600)["10.0.1.2"] == b"ok"
    assert street.memory["patience"] == "v 0 2200 10.0.1.3"


def test_a_known_unit_never_becomes_an_empty_address():
    street = known(Street(b2=DARK))
    for at_s in range(0, 3600, 120):
        street.round(at_s)
    assert street.memory["patience"].startswith("d ")


def test_when_everybody_rests_everybody_is_asked_shortly():
    street = known(Street(b1=HUNG, b2=DARK))
    hosts = HOSTS[:2]
    street.memory["patience"] = "d 2 1900 10.0.1.2;h 3 1900 10.0.1.1"
    street.round(1010, hosts)
    assert street.asked[0] == {"10.0.1.1": "within 1.0", "10.0.1.2": "connect 0.5"}


def test_a_second_question_in_the_same_fetch_is_no_second_failure():
    street = known(Street(b3=HUNG))
    patience = Patience(street.memory, 1000)
    ask = patience.over(street.many)
    for _ in range(3):
        ask([Exchange("10.0.1.3", 80, b"x")], 0.0)
    assert patience.found()[0].value == "h 1 1120 10.0.1.3"


def test_one_that_rests_is_not_asked_by_a_second_question_either():
    street = known(Street(b3=HUNG))
    street.memory["patience"] = "h 3 1900 10.0.1.3"
    patience = Patience(street.memory, 1010)
    ask = patience.over(street.many)
    for _ in range(2):
        ask([Exchange(host, 80, b"x") for host in HOSTS], 0.0)
    assert [len(sent) for sent in street.asked[-2:]] == [7, 7]


def test_what_this_machine_lacked_says_nothing_of_the_unit():
    street = known(Street(b3=WireError("unreachable", "no time left to ask")))
    street.round(1000)
    assert street.memory["patience"] == "-"


def test_a_kind_that_asks_in_another_way_remembers_nothing():
    assert Patience({}, 1000).found() == ()


@pytest.mark.parametrize("text", ["", "-", "x 1 2 10.0.0.1", "h a b 10.0.0.1", "h 1", ";;", "h 1 2 nonsense"])
def test_a_text_that_says_nothing_makes_nobody_rest(text):
    assert _patience.read(text) == {}


def test_what_is_written_is_read_again():
    rests = {f"10.0.{at % 3}.{at}": Rest("h", at % 4, 100) for at in range(1, 200)}
    assert _patience.read(_patience.written(rests)) == rests
    assert _patience.written({"fe80::1": Rest("h", 1, 100)}) == "-"


def test_one_that_answers_and_falls_silent_in_the_midst_of_a_conversation_is_asked_next_time():
    street = known(Talking({"10.0.1.3": HUNG, "10.0.1.4": DARK}, b5=HUNG))
    street.talk(1000)
    assert street.heard["10.0.1.3"] == [b"ok", HUNG]
    assert street.heard["10.0.1.5"] == [HUNG]
    assert street.memory["patience"] == "h 1 1120 10.0.1.5"


def test_one_back_from_silence_is_told_the_rest_with_the_time_of_all_others_and_rests_no_more():
    street = known(Talking({}, b3=HUNG, b4=HUNG))
    street.talk(1000)
    street.bad.pop("10.0.1.3")
    street.talk(1120)
    assert street.heard["10.0.1.3"] == [b"ok", b"2"]
    assert street.heard["10.0.1.4"] == [HUNG]
    first, others, back = street.asked
    assert (first["10.0.1.3"], first["10.0.1.4"]) == ("rides", "rides")
    assert "10.0.1.3" not in others
    assert back == {"10.0.1.3": ""}
    assert street.memory["patience"] == "h 2 1360 10.0.1.4"


def test_a_resting_one_hears_why_in_a_conversation_too():
    street = known(Talking({}, b3=HUNG))
    street.memory["patience"] = "h 3 1900 10.0.1.3"
    street.talk(1000)
    (why,) = street.heard["10.0.1.3"]
    assert why.why == "takes connections and does not answer (3 times); asked again in 16 min"
    assert street.heard["10.0.1.1"] == [b"ok", b"2"]
