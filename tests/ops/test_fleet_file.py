"""What a search found against what is listed, and the lines fleet.csv still lacks."""

import time
from types import SimpleNamespace

import pytest

from mine_controller.config.model import Endpoint
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.devices.kind import Guess, Seen
from mine_controller.ops.fleet_file import Find, Fleet, additions, compared, fleet, free_id, served

MAC, OTHER_MAC = "02:77:00:00:00:07", "02:77:00:00:00:08"


def section(kind, name, *hosts, **more):
    return Endpoint(kind, name, SimpleNamespace(hosts=hosts, **more), True, 0, 1)


SHELF = section("bitaxe", "shelf", "127.9.0.1-20")
LISTED = MinerSpec("b07", MAC, "bitaxe shelf", 18, 3)


def known(*sections, listed=(), last=None, neighbours=None, taken=()):
    by_unit = {spec.mac.lower(): spec for spec in listed}
    return Fleet(by_unit, last or {}, sections, neighbours or {}, frozenset(taken))


def judged(fleet_known, *guesses, ports=(80,), trouble=""):
    seen = [Seen(host, tuple(ports), {}) for host, _ in guesses]
    table = dict(guesses)
    return compared(seen, lambda one: (table[one.host], trouble), fleet_known, (4028, 4433))


def board(unit=MAC, model="Gamma 601"):
    return Guess("bitaxe", 3, model, "v2.9.0", unit)


def config(*sections):
    return SimpleNamespace(endpoints={one.section: one for one in sections})


def test_a_listed_unit_is_known_by_its_mac():
    (find,) = judged(known(SHELF, listed=[LISTED], last={"b07": "127.9.0.5"}), ("127.9.0.5", board()))
    assert (find.state, find.id, find.group, find.note) == ("known", "b07", "bitaxe shelf", "")


def test_a_listed_unit_at_another_address_has_moved():
    (find,) = judged(known(SHELF, listed=[LISTED], last={"b07": "127.9.0.5"}), ("127.9.0.9", board()))
    assert (find.state, find.id, find.was) == ("moved", "b07", "127.9.0.5")


def test_a_listed_unit_outside_the_hosts_of_its_section_is_told():
    (find,) = judged(known(SHELF, listed=[LISTED]), ("127.9.0.99", board()))
    assert find.state == "known"
    assert find.note == "outside the hosts of [bitaxe shelf], which will not find it there"


def test_who_hangs_at_the_address_of_a_listed_unit_is_told_as_most_likely_that_one():
    here, before = Seen("127.9.0.5", (4028,), {}), known(SHELF, listed=[LISTED], last={"b07": "127.9.0.5"})
    (find,) = compared([here], lambda _one: (None, ""), before, (4028, 4433))
    assert (find.state, find.note) == ("unknown make", "answers on port 4028; b07 was read here last")
    guesses = {"127.9.0.5": None, "127.9.0.9": board()}
    both = compared([here, Seen("127.9.0.9", (80,), {})], lambda one: (guesses[one.host], ""), before, (4028, 4433))
    assert [one.note for one in both] == ["answers on port 4028", ""], "b07 itself answers elsewhere"


def test_a_unit_of_a_fleet_service_is_known_without_hosts():
    spec = LISTED._replace(id="a001", group="foreman mine")
    (find,) = judged(known(listed=[spec]), ("127.9.0.99", Guess("antminer", 3, unit=MAC)))
    assert (find.state, find.id, find.note) == ("known", "a001", "")


@pytest.mark.parametrize(("ports", "state"), [((80, 4028), "unknown make"), ((80,), "other"), ((), "other")])
def test_a_stranger_is_of_an_unknown_make_only_with_a_miners_port(ports, state):
    (find,) = judged(known(), ("127.9.0.3", None), ports=ports, trouble="bad could not read its answers (KeyError)")
    assert (find.state, find.note) == (state, "bad could not read its answers (KeyError)")
    (quiet,) = judged(known(), ("127.9.0.3", None), ports=(80, 4028))
    assert quiet.note == "answers on port 80, 4028"


def test_a_unit_that_tells_no_mac_gets_the_one_of_the_network():
    neighbours = {"127.9.0.3": MAC}
    row = section("cgminer", "row", "127.9.0.0/24", macs=())
    (find,) = judged(known(row, neighbours=neighbours), ("127.9.0.3", Guess("cgminer", 1)))
    assert find.unit == MAC
    assert find.note == f"its mac is the network's word: write 127.9.0.3 {MAC} into macs of [cgminer row]"
    (lost,) = judged(known(row), ("127.9.0.3", Guess("cgminer", 1)))
    assert (lost.unit, lost.note) == ("", 'tells neither mac nor serial: `minectl probe "cgminer row"` shows why')


def test_a_unit_that_nobody_can_name_is_told_with_who_was_read_there_last():
    garage = section("antminer", "garage", "127.9.0.1-20")
    spec = LISTED._replace(id="a07", group="antminer garage")
    (find,) = judged(known(garage, listed=[spec], last={"a07": "127.9.0.5"}), ("127.9.0.5", Guess("antminer", 3)))
    assert (find.state, find.id) == ("new", "")
    why = '`minectl probe "antminer garage"` shows why'
    assert find.note == f"tells neither mac nor serial: {why}; a07 was read here last"


def test_two_addresses_that_claim_one_unit_are_told():
    finds = judged(known(SHELF), ("127.9.0.3", board()), ("127.9.0.4", board()))
    assert [find.note for find in finds] == ["2 addresses say they are this unit"] * 2


def test_texts_of_a_device_are_neither_formulas_nor_escape_codes():
    (find,) = judged(known(SHELF), ("127.9.0.3", board(model='=HYPERLINK("x")\x1b[2J S19j Pro+')))
    assert find.model == "HYPERLINK( x ) 2J S19j Pro+"


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ([SHELF], ("bitaxe shelf", "")),
        (
            [SHELF, section("bitaxe", "two", "127.9.0.3")],
            ("", "hosts of [bitaxe shelf] and [bitaxe two] both cover it"),
        ),
        (
            [section("cgminer", "row", "127.9.0.0/24")],
            ("", "no [bitaxe ...] section covers it, but [cgminer row] does"),
        ),
        ([section("bitaxe", "far", "127.8.0.1")], ("", "no [bitaxe ...] section covers it")),
        ([section("asic", "rest", "127.9.0.0/24")], ("asic rest", "")),
        ([SHELF, section("asic", "rest", "127.9.0.0/24")], ("bitaxe shelf", "")),
    ],
)
def test_a_unit_belongs_to_the_one_section_of_its_kind_that_covers_it(sections, found):
    assert served("bitaxe", "127.9.0.3", sections) == found


@pytest.mark.parametrize(
    ("kind", "taken", "name"),
    [
        ("bitaxe", (), "b01"),
        ("bitaxe", ("b01", "B07", "a099"), "b08"),
        ("avalon", ("a001", "a099"), "a100"),
        ("nerdqaxe", ("n99",), "n100"),
        ("bitaxe", ("bench", "b-1", "bb9"), "b01"),
    ],
)
def test_an_id_is_the_kinds_letter_and_the_next_number(kind, taken, name):
    assert free_id(kind, taken) == name


def test_every_new_unit_with_a_section_becomes_a_line():
    before = known(SHELF, listed=[LISTED], taken=["b07"])
    finds = judged(before, ("127.9.0.5", board()), ("127.9.0.6", board(OTHER_MAC)), ("127.9.0.7", board("NM-1234")))
    added = additions(finds, before, config(SHELF), "2026-07-15")
    note = "Gamma 601 v2.9.0 found 2026-07-15"
    assert added.rows == (
        {"id": "b08", "mac": OTHER_MAC, "group": "bitaxe shelf", "note": note},
        {"id": "b09", "mac": "NM-1234", "group": "bitaxe shelf", "note": note},
    )
    assert (added.left, added.commands) == ((), ())


def test_a_hall_of_new_units_is_listed_in_seconds():
    hall = section("bitaxe", "hall", "127.9.0.0/19")
    places = [
        (f"127.9.{at >> 8}.{at & 255}", board(f"02:77:00:00:{at >> 8:02x}:{at & 255:02x}")) for at in range(1, 6001)
    ]
    before, began_s = known(hall, taken=("b0007",)), time.process_time()
    rows = additions(judged(before, *places), before, config(hall), "2026-07-15").rows
    assert [rows[at]["id"] for at in (0, 1, 5999)] == ["b0008", "b0009", "b6007"]
    assert time.process_time() - began_s < 3.0


def test_without_a_section_the_lines_to_paste_are_told():
    before = known()
    finds = judged(before, ("127.9.0.5", board()), ("127.9.0.6", board(OTHER_MAC)))
    added = additions(finds, before, config(), "2026-07-15")
    assert [why for _, why in added.left] == ["no [bitaxe ...] section covers it"] * 2
    assert added.commands == ("[bitaxe lan]\nhosts = 127.9.0.5, 127.9.0.6",)


def test_a_section_that_covers_others_is_widened_by_one_command():
    far = section("bitaxe", "shelf", "127.8.0.1-20")
    finds = judged(known(far), ("127.9.0.5", board()))
    added = additions(finds, known(far), config(far), "2026-07-15")
    assert added.commands == ('minectl config set "bitaxe shelf.hosts" "127.8.0.1-20, 127.9.0.5"',)


NANO, Q = (
    Guess("avalon", 3, "Avalon Nano3s", unit=MAC, draws=(140, 5)),
    Guess("avalon", 3, "Avalon Q", draws=(1700, 150)),
)


def test_units_of_another_size_get_a_section_with_their_own_watts():
    """With the figures of an A15 a Nano at work counts as off."""
    seen = ("127.9.0.5", NANO), ("127.9.0.6", Q), ("127.9.0.7", Guess("avalon", 3, "Avalon A15", "", OTHER_MAC))
    desk = section("avalon", "desk", "127.8.0.1-9", nominal_w=140, standby_w=5)
    added = additions(judged(known(), *seen), known(), config(), "2026-07-15")
    assert added.commands == (
        "[avalon lan]\nhosts = 127.9.0.5\nnominal_w = 140\nstandby_w = 5",
        "[avalon lan2]\nhosts = 127.9.0.6\nnominal_w = 1700\nstandby_w = 150",
        "[avalon lan3]\nhosts = 127.9.0.7",
    )
    beside = additions(judged(known(desk), *seen[:2]), known(desk), config(desk), "2026-07-15")
    assert beside.commands == (
        'minectl config set "avalon desk.hosts" "127.8.0.1-9, 127.9.0.5"',
        "[avalon lan]\nhosts = 127.9.0.6\nnominal_w = 1700\nstandby_w = 150",
    )


@pytest.mark.parametrize(("nominal_w", "told"), [(3300, True), (140, False), (120, False)])
def test_a_unit_in_a_section_of_another_size_is_told_what_it_needs(nominal_w, told):
    row = section("avalon", "row", "127.9.0.5", nominal_w=nominal_w)
    (find,) = judged(known(row), ("127.9.0.5", NANO))
    note = "draws some 140 W: give it a section with nominal_w = 140 and standby_w = 5"
    assert find.note == (note if told else "")


def test_a_generic_section_that_alone_covers_a_unit_serves_it():
    """An S9 under [cgminer garage], as the template has it: listed there, and no other section is to be widened."""
    hall, garage = section("antminer", "hall", "127.9.1.1-20"), section("cgminer", "garage", "127.9.0.40-49")
    before = known(hall, garage)
    finds = judged(before, ("127.9.0.46", Guess("antminer", 3, "Antminer S9", "", MAC)))
    added = additions(finds, before, config(hall, garage), "2026-07-15")
    (row,) = added.rows
    assert (row["id"], row["group"], row["mac"]) == ("a01", "cgminer garage", MAC)
    assert (finds[0].note, added.left, added.commands) == ("", (), ())


def test_two_generic_sections_that_cover_a_unit_leave_it_to_nobody():
    both = section("cgminer", "garage", "127.9.0.40-49"), section("asic", "rest", "127.9.0.46")
    finds = judged(known(*both), ("127.9.0.46", Guess("antminer", 3, "Antminer S9", "", MAC)))
    added = additions(finds, known(*both), config(*both), "2026-07-15")
    assert [why for _, why in added.left] == ["hosts of [cgminer garage] and [asic rest] both cover it"]
    assert added.commands == ()


def test_an_address_that_another_section_covers_is_never_proposed_for_a_second_one():
    far, row = section("bitaxe", "shelf", "127.8.0.1-20"), section("cgminer", "row", "127.9.0.5")
    finds = judged(known(far, row), ("127.9.0.5", board()), ("127.9.0.6", board(OTHER_MAC)))
    added = additions(finds, known(far, row), config(far, row), "2026-07-15")
    assert added.commands == ('minectl config set "bitaxe shelf.hosts" "127.8.0.1-20, 127.9.0.6"',)
    none = "no [bitaxe ...] section covers it"
    assert [why for _, why in added.left] == [
        f"{none}, but [cgminer row] does; take its address out of the hosts of [cgminer row] first",
        none,
    ]


def test_who_can_not_be_told_apart_is_not_added():
    before = known(SHELF)
    twins = judged(before, ("127.9.0.3", board()), ("127.9.0.4", board()), ("127.9.0.5", board("")))
    added = additions(twins, before, config(SHELF), "2026-07-15")
    assert added.rows == ()
    assert [why for _, why in added.left] == [
        "several addresses say they are this unit",
        "several addresses say they are this unit",
        "tells neither mac nor serial, so nobody could know it again",
    ]


def test_ids_of_removed_units_are_not_given_again():
    wiring = SimpleNamespace(miners=(LISTED,))
    site = SimpleNamespace(policy=SimpleNamespace(wiring=wiring), endpoints={"bitaxe shelf": SHELF, "x": object()})
    site.endpoints["x"] = Endpoint("iotawatt", "x", SimpleNamespace(url=""), True, 0, 1)
    found = fleet(site, [{"id": "b12", "ip": None}, {"id": "b07", "ip": "127.9.0.5"}], {})
    assert (found.taken, found.last, found.sections) == ({"b07", "b12"}, {"b07": "127.9.0.5"}, (SHELF,))
    assert fleet(None, [], {}) == Fleet({}, {}, (), {})


def test_a_find_is_plain_data():
    assert Find("127.9.0.1", "other")._asdict()["unit"] == ""
