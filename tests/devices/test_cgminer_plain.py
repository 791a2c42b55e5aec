"""What is read of a CGMiner by its shape is what is read the plain way, whatever it answers."""

import json
import random

import pytest
from devices import plain_cgminer
from devices.kinds import CASES
from hostile.payloads import cases, payload

from mine_controller.core.columns import Gathered
from mine_controller.core.model.pool import Pool
from mine_controller.core.model.reading import Value
from mine_controller.core.option import Secret, fill
from mine_controller.devices import _cgminer_fields as fields
from mine_controller.devices import ask as room
from mine_controller.devices import cgminer
from mine_controller.devices.kind import BadReply, Findings, Reply, Told
from mine_controller.twin.rig import Rig
from mine_controller.twin.servers import avalon

A, B = "10.0.1.1", "10.0.1.2"
CHANGED = 4000
POOL = Pool("ours", "stratum+tcp://a.example:3333", "w.1", Secret("x"))
OPTIONS = (
    fill(cgminer.Options, {"hosts": ("10.0.1.1-2",)}),
    fill(cgminer.Options, {"hosts": ("10.0.1.1-2",), "macs": (f"{A} 02:00:00:00:00:0a",), "pools": (POOL,)}),
)
NAMES = (
    *("MAC", "SerialNo", "PROD", "Type", "CGMiner", "BOSer", "Enabled", "Best Share", "Accepted", "Stale", "Power"),
    *("watt", "Elapsed", "MHS 1m", "GHS 5s", "THS av", "temp1", "Chip Temp Max", "Temperature", "fan1", "fan_speed_in"),
    *("MHS(Sample)", "0 MHS (Sample)", "STATUS", "SUMMARY", "STATS", "DEVS", "VERSION"),
)
VALUES = (0, -1, 1.5, 71, 4200, 3e6, 1e30, True, None, "", "nan", "58.94 W", "02:00:00:00:00:0b", "N", [], {}, [1])


def joined(**trees):
    return json.dumps({**{name: [tree] for name, tree in trees.items()}, "id": 1}).encode() + b"\0"


def bodies():
    """Joined answers and single ones: recorded, of the twin, and made of what other makes were seen to say."""
    recorded = [path.read_bytes() for folder in cases("cgminer") for path in sorted(folder.glob("*.json"))]
    facts = {**avalon.MODELS["1346"], "name": "a", "mac": "02:00:00:00:00:01", "serial": "TWIN0001", "pools": []}
    twin = avalon.Unit(Rig(**facts))
    twin.joins = True
    asked = ("version+summary+stats+devs", "version+summary+stats+devs+pools", "summary")
    recorded += [twin.talk(json.dumps({"command": command}).encode(), 3600.0) for command in asked]
    for kind, case in (("antminer", "luxos"), ("antminer", "stock_s19_pro"), ("avalon", "q_idle")):
        trees = {path.stem: path.read_bytes().rstrip(b"\0") for path in (CASES / kind / case).glob("*.json")}
        known = {name.replace("lite", ""): tree for name, tree in trees.items() if b'"STATUS"' in tree}
        recorded.append(joined(**{name: json.loads(tree) for name, tree in known.items()}))
    return recorded


def renamed(dice, body):
    """One of its names is another one that means something, or there twice, with whatever behind it."""
    at = [place for place in range(len(body)) if body.startswith(b'":', place)]
    if not at:
        return body
    place = dice.choice(at)
    start = body.rfind(b'"', 0, place)
    pair = f'"{dice.choice(NAMES)}":{json.dumps(dice.choice(VALUES))},'.encode()
    if dice.random() < 0.5:
        return body[:start] + pair + body[start:]
    return body[: start + 1] + pair[1 : pair.index(b'"', 1)] + body[place:]


def outcome(parse, replies, options):
    try:
        return tuple(parse(replies, options))
    except BadReply as error:
        return str(error)


def same(body, other, options):
    """Both ways of two units, all at once and each as it comes."""
    replies = [Reply(A, 200, {}, body), Reply(B, 200, {}, other)]
    plain = outcome(plain_cgminer.parse, replies, options)
    assert outcome(cgminer.parse, replies, options) == plain, body
    single = [reply for reply in replies if cgminer._can_not_join(reply)]
    if not single:
        assert outcome(cgminer.parse, list(map(cgminer._early(options), replies)), options) == plain, body
    return not isinstance(plain, str)


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "with pools and a mac"])
def test_recorded_answers_are_read_as_the_plain_way_reads_them(options):
    known = bodies()
    assert sum(same(body, known[0], options) for body in known) > 5
    assert sum(same(body, body, options) for body in known) > 5  # one identity at two addresses


def test_answers_with_other_names_values_and_damage_are_read_as_the_plain_way_reads_them():
    fields._known.clear()
    known, read = bodies(), 0
    good = [body for body in known if same(body, body, OPTIONS[0])]
    for number in range(CHANGED):
        dice = random.Random(f"shapes {number}")
        body = dice.choice(good if dice.random() < 0.9 else known)
        for _ in range(dice.choice((1, 1, 2, 4))):
            body = (renamed if dice.random() < 0.6 else payload)(dice, body)
        read += same(body, dice.choice(known), dice.choice(OPTIONS))
    assert read > CHANGED / 2
    assert len(fields._known) <= fields.SHAPES


def test_what_a_fleet_tells_in_columns_is_stamped_as_what_is_told_one_by_one():
    told = cgminer.parse([Reply(A, 200, {}, bodies()[0]), Reply(B, 200, {}, bodies()[1])], OPTIONS[1])
    tails, values = (":word", ":power_w", " model:text", ":chip_c"), ("x\n", None, "y" * 300, True)
    odd = Told("02:00:00:00:00:0c", tails, values, ("", "no watts", "", ""))
    parts = (*told.parts, odd) * room.AT_ONCE
    assert any(isinstance(part, Told) for part in told.parts)
    for secrets in ((), ("02:00", "model")):
        seen = stamped(parts, secrets, {})
        assert seen == stamped(tuple(Findings(parts)), secrets, {})
        image = {one.key: Value(one.value, 1, one.key[:-1] + one.key[-1:]) for one in seen}
        again = stamped(parts, secrets, image)
        assert again == seen
        assert all(key is image[key].source for key in again.keys)
        texts = [(one, image[key].value) for key, one in zip(again.keys, again.values, strict=True)]
        assert all(one is held for one, held in texts if isinstance(one, str))


def stamped(parts, secrets, image):
    gathered = Gathered()
    room._stamp(gathered, "cgminer rack", parts, 7, secrets, image)
    return gathered.all()
