"""Prices from their publishers: what is asked, what is refused, what is remembered; the twin's servers answer."""

import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest
from devices.kinds import KINDS, build
from devices.virtual import Scripted, ok
from hypothesis import given, settings
from hypothesis import strategies as st

from mine_controller.core.due import Asked
from mine_controller.core.model.reading import Value
from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot
from mine_controller.devices import _prices, awattar, octopus, prices_csv, tariff
from mine_controller.devices.ask import ask
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.twin.answer import asked
from mine_controller.twin.servers.prices import OLDER, PRODUCT, SILENT, Awattar, Octopus
from mine_controller.twin.tariff import Tariff
from mine_controller.wire import local
from mine_controller.wire.door import Request, Response, WireError

NOON = 1_784_113_200  # 2026-07-15T11:00Z, noon in London
URL = "http://127.0.0.1:1"
LONDON = ZoneInfo("Europe/London")


class Publisher(Scripted):
    """A server of the twin behind a scripted wire; the wall clock is the test's."""

    def __init__(self, server, wall_s=NOON):
        self.server, self.wall_s = server, wall_s
        super().__init__(self._said)

    def _said(self, request):
        answer = self.server.answer(asked(request.method, request.url, request.headers), self.wall_s)
        return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)

    def read(self, module, options, memory=None):
        """(found by channel and quantity, the memory it leaves)."""
        self.now = 1000.0
        question = Ask(memory=memory or {}, wall_s=self.wall_s)
        found = module.parse(module.fetch(self.wire, options, question), options)
        told = {(each.channel, each.quantity): each.value for each in found}
        kept = {name: value for (name, quantity), value in told.items() if quantity == "memory"}
        slots = told.get(("", "slots"), (memory or {}).get("slots", ""))
        return told, {**(memory or {}), **kept, "slots": slots, "slots_why": ""}


def agile(region="H", **more):
    return build("octopus", URL, region=region, **more)


def publisher(wall_s=NOON, seed=7, missed=frozenset(), **more):
    return Publisher(Octopus(Tariff(seed, missed), 0, **more), wall_s)


def quiet_day(seed=7):
    """A seed's first July day on which nothing is missed, so that a test can say what is."""
    tariff_ = Tariff(seed)
    days = (dt.date(2026, 7, n) for n in range(2, 30))
    return next(day for day in days if not any(tariff_.is_missed(day + dt.timedelta(days=n)) for n in (-2, -1, 0, 1)))


def at(date, hour, minute=0):
    return int(dt.datetime(date.year, date.month, date.day, hour, minute, tzinfo=LONDON).timestamp())


# -- Octopus ----------------------------------------------------------------------------------------------------------


def test_the_newest_import_product_of_the_family_is_found_and_then_kept():
    server = publisher()
    told, memory = server.read(octopus, agile())
    assert told["product", "text"] == PRODUCT != OLDER
    assert server.paths[0].partition("?")[0] == "/v1/products/"
    server.asked.clear()
    server.read(octopus, agile(), memory)
    assert [path for path in server.paths if path.startswith("/v1/products/?")] == []


def test_a_kept_product_that_is_gone_is_looked_for_again_and_a_pinned_one_is_said():
    told, _ = publisher().read(octopus, agile(), {"product": OLDER})
    assert told["product", "text"] == PRODUCT
    with pytest.raises(BadReply, match="no tariff E-1R-AGILE-99-H: check product and region"):
        publisher().read(octopus, agile(product="AGILE-99"))


def test_a_pinned_product_is_not_kept_once_it_is_pinned_no_more():
    server = publisher()
    _, memory = server.read(octopus, agile(product=PRODUCT))
    server.asked.clear()
    server.read(octopus, agile(), memory)
    assert server.paths[0].startswith("/v1/products/?")


def test_a_kept_product_of_another_family_than_is_wanted_now_is_not_asked():
    server = publisher()
    told, _ = server.read(octopus, agile(), {"product": "AGILE-GO-22-10-14", "family": "AGILE-GO"})
    assert told["product", "text"] == PRODUCT
    assert [path for path in server.paths if "AGILE-GO" in path] == []


def test_a_kept_product_that_publishes_no_more_is_looked_for_again():
    """AGILE-BB-24-10-01 answers with an empty list since 2025-10-01 (notes of a public client, verified in 2026-10)."""
    server = publisher()
    told, _ = server.read(octopus, agile(), {"product": SILENT, "family": "AGILE"})
    assert told["product", "text"] == PRODUCT
    assert len(server.paths) == 3
    with pytest.raises(BadReply, match="no price in the answer"):
        publisher().read(octopus, agile(product=SILENT))


def test_a_newest_product_without_prices_is_asked_for_once_a_time():
    server = publisher()
    with pytest.raises(BadReply, match="no price in the answer"):
        server.read(octopus, agile(family="AGILE-BB"), {"product": SILENT, "family": "AGILE-BB"})
    assert len(server.paths) == 3


def test_where_no_product_of_the_family_is_the_owner_is_told_to_pin_one():
    with pytest.raises(WireError, match="pin the one on your bill"):
        publisher().read(octopus, agile(family="TRACKER"))


@pytest.mark.parametrize("region", ["A", "P"])
def test_a_region_is_in_the_tariff_that_is_asked_for(region):
    server = publisher(region=region)
    told, _ = server.read(octopus, agile(region=region, product=PRODUCT))
    assert told["", "slots"]
    assert f"/E-1R-{PRODUCT}-{region}/" in server.paths[0]


def test_moments_are_asked_for_with_their_z():
    server = publisher()
    server.read(octopus, agile(product=PRODUCT))
    assert "period_from=2026-07-14T00%3A00Z&period_to=2026-07-20T11%3A00Z" in server.paths[0]


def test_pages_are_counted_here_and_never_followed_to_the_public_host(monkeypatch):
    monkeypatch.setattr(octopus, "PAGE_SIZE", 25)
    server = publisher(two_methods=True)
    told, _ = server.read(octopus, agile(product=PRODUCT))
    assert [path[-7:] for path in server.paths[1:]] == ["&page=2", "&page=3", "&page=4"]
    assert {request.url[:18] for request in server.asked} == {URL}
    assert sum(len(run[2]) for run in json.loads(told["", "slots"])) == 50


def test_every_slot_has_the_price_of_the_own_payment_method_and_vat():
    server = publisher(two_methods=True)
    for method, vat, times, more in (("DIRECT_DEBIT", "included", 1.05, 0), ("NON_DIRECT_DEBIT", "without", 1, 1),
                                     ("DIRECT_DEBIT", "own", 1.2, 0)):  # fmt: skip
        told, _ = server.read(octopus, agile(product=PRODUCT, payment=method, vat=vat))
        for slot in prices.read(told["", "slots"]):
            assert slot.price == pytest.approx((server.server.tariff.price(slot.start_s) + more) * times, abs=2e-4)


def test_a_quiet_half_hour_tells_nothing_new_and_a_failed_one_before_it_is_cleared():
    server = publisher()
    told, memory = server.read(octopus, agile())
    assert ("", "slots") in told
    server.wall_s += 1800
    assert ("", "slots") not in server.read(octopus, agile(), memory)[0]
    told, _ = server.read(octopus, agile(), {**memory, "slots_why": "no answer"})
    assert told["", "slots"] == memory["slots"]


def test_tomorrow_is_asked_for_more_often_from_four_o_clock_until_it_is_there():
    day = quiet_day()
    server = publisher(at(day, 15, 59), missed=frozenset({day}))
    assert server.read(octopus, agile())[0]["", "again"] == _prices.DAY_S
    server.wall_s = at(day, 16, 5)
    told, memory = server.read(octopus, agile())
    assert told["", "again"] == 600
    assert told["until", "text"] == _prices.iso(at(day, 23))
    server.server.tariff.missed = frozenset()
    told, _ = server.read(octopus, agile(), memory)
    assert told["", "again"] == _prices.DAY_S
    assert told["until", "text"] == _prices.iso(at(day + dt.timedelta(days=1), 23))


def test_a_missed_publication_leaves_a_gap_unknown_and_what_was_known_in_force():
    """PRC1."""
    day = quiet_day()
    server = publisher(at(day, 22), missed=frozenset({day}))
    _, memory = server.read(octopus, agile())
    server.wall_s = at(day + dt.timedelta(days=1), 1)
    told, memory = server.read(octopus, agile(), memory)
    slots = prices.read(memory["slots"])
    assert (told["until", "text"], told["", "again"]) == ("nothing is known now", 600)
    assert prices.price_at(slots, at(day, 22)) is not None
    assert prices.price_at(slots, server.wall_s) is None


def test_other_prices_for_known_slots_are_refused_until_those_are_over():
    """PRC2: another region, tax or currency; the known slots count to their end."""
    day = quiet_day()
    server = publisher(at(day, 20))
    _, memory = server.read(octopus, agile())
    other = publisher(at(day, 20), seed=8)
    with pytest.raises(BadReply, match="prices known already are others now: the known ones count to their end"):
        other.read(octopus, agile(), memory)
    assert other.read(octopus, agile(vat="without"), memory)  # the owner changed the tariff: nothing is compared
    other.wall_s = at(day + dt.timedelta(days=4), 20)
    assert other.read(octopus, agile(), memory)[0]["", "slots"]


@pytest.mark.parametrize(
    ("times", "refused"), [(100, "is outside -50 to 150 per kWh .`lowest`"), (0.01, "the major unit in place of")]
)
def test_a_price_a_hundred_times_off_refuses_the_whole_answer(times, refused):
    """PRC2: pounds for pence, and the other way round."""
    server = publisher()
    usual = server.server.tariff.price
    server.server.tariff.price = lambda start_s: usual(start_s) * times
    with pytest.raises(BadReply, match=refused):
        server.read(octopus, agile())


@settings(max_examples=25, deadline=None)
@given(st.dates(dt.date(2020, 1, 2), dt.date(2035, 12, 30)), st.integers(0, 23), st.integers(0, 200))
def test_whatever_the_day_every_published_slot_is_told_and_no_other(date, hour, seed):
    """PRC3, PRC4: days of 46 and 50 slots, negative prices, late publications."""
    server = publisher(at(date, hour), seed)
    told, _ = server.read(octopus, agile(product=PRODUCT))
    slots = prices.read(told["", "slots"])
    published = server.server.tariff.slots(_prices.since_s(server.wall_s), server.wall_s + 10**6, server.wall_s)
    assert [slot.start_s for slot in slots] == [slot.start_s for slot in published]
    assert [slot.price for slot in slots] == [round(slot.price * 1.05, 4) for slot in published]


@pytest.mark.parametrize(("date", "count"), [(dt.date(2026, 3, 28), 46), (dt.date(2026, 10, 24), 50),
                                             (dt.date(2026, 7, 2), 48)])  # fmt: skip
def test_a_block_over_a_change_of_the_clocks_has_46_or_50_slots(date, count):
    day = Tariff(7).block(date)
    assert (day.end_s - day.begin_s) // 1800 == count
    assert dt.datetime.fromtimestamp(day.end_s, LONDON).hour == 23


def test_a_row_of_a_fixed_product_without_an_end_holds_for_a_week():
    row = {"value_inc_vat": 24.5, "value_exc_vat": 23.3, "valid_from": "2025-04-01T00:00:00Z", "valid_to": None}
    body = json.dumps({"next": None, "results": [row]}).encode()
    wire = Scripted(lambda _: ok(body)).wire
    options = agile(product="VAR-22-11-01")
    found = octopus.parse(octopus.fetch(wire, options, Ask(wall_s=NOON)), options)
    (text,) = [each.value for each in found if each.quantity == "slots"]
    assert prices.read(text) == (Slot(_prices.since_s(NOON), _prices.day_s(NOON) + 7 * 86_400, 24.5),)


def test_how_far_our_clock_is_off_theirs_is_told():
    server = publisher()
    server.server.start_wall_s = -3600
    told, _ = server.read(octopus, agile(product=PRODUCT))
    assert told["", "clock_off_s"] == 3600


@pytest.mark.parametrize(("kind", "url", "good"), [
    ("octopus", "https://api.octopus.energy", True), ("octopus", "http://127.0.0.1:8000", True),
    ("octopus", "http://api.octopus.energy", False), ("octopus", "https://prices.example", False),
    ("awattar", "https://api.awattar.at", True), ("nordpool", "https://api.awattar.at", False),
    ("octopus", "https://127.0.0.1.example", False),
])  # fmt: skip
def test_prices_come_from_their_publisher_over_tls_or_from_this_machine(kind, url, good):
    options = build(kind, URL)._replace(url=url)
    assert (KINDS[kind].faults(options) == []) == good


# -- through ask ------------------------------------------------------------------------------------------------------


class Section:
    def __init__(self, kind, options):
        self.kind, self.options = kind, options


def through_ask(wire, options, channels, wall_s=NOON, kind="octopus"):
    name, sections = f"{kind} x", {f"{kind} x": Section(kind, options)}
    read = ask([Asked(name)], sections, channels, int, lambda *_: wire, 9e9, threads=False, wall_s=wall_s)
    return {reading.key: reading for reading in read}


def test_hundreds_of_slots_come_through_whole_and_come_back_as_what_is_known():
    server = publisher()
    told = through_ask(server.wire, agile(), {})
    text = told["octopus x:slots"].value
    assert len(prices.read(text)) > 60
    channels = {key: Value(one.value, 5, key, "") for key, one in told.items()}
    assert "octopus x:slots" not in through_ask(server.wire, agile(), channels)
    lost = through_ask(Scripted(lambda _: WireError("timeout", "no answer")).wire, agile(), channels)
    assert (lost["octopus x:slots"].value, lost["octopus x:slots"].why) == (None, "no answer")
    assert "octopus x:again" not in lost


# -- aWATTar ----------------------------------------------------------------------------------------------------------


def test_market_prices_become_what_the_owner_pays():
    server = Publisher(Awattar(Tariff(7), 0))
    options = build("awattar", URL, share_pct=3.0, add=15.0, vat_pct=19.0)
    told, _ = server.read(awattar, options)
    tariff_ = server.server.tariff
    for slot in prices.read(told["", "slots"]):
        market = round((tariff_.price(slot.start_s) + tariff_.price(slot.start_s + 1800)) * 5, 2) / 10
        assert slot.price == pytest.approx((market * 1.03 + 15) * 1.19, abs=1e-4)
        assert slot.end_s - slot.start_s == 3600


# -- a fixed tariff ---------------------------------------------------------------------------------------------------


RATES = ("00:30-05:30 8.5", "16:00-19:00 mon-fri winter 38.2", "22:00-00:30 sat 11")


def fixed(zone="Europe/London", rates=RATES, **more):
    return build("tariff", URL, price=28.4, rates=rates, timezone=zone, **more)


def week(options, wall_s):
    found = tariff.parse(tariff.fetch(None, options, Ask(wall_s=wall_s)), options)
    (text,) = [each.value for each in found if each.quantity == "slots"]
    return prices.read(text)


@pytest.mark.parametrize(("date", "hour", "minute", "price"), [
    (dt.date(2026, 1, 15), 0, 29, 28.4), (dt.date(2026, 1, 15), 0, 30, 8.5), (dt.date(2026, 1, 15), 5, 30, 28.4),
    (dt.date(2026, 1, 15), 16, 0, 38.2), (dt.date(2026, 1, 17), 16, 0, 28.4), (dt.date(2026, 7, 15), 16, 0, 28.4),
    (dt.date(2026, 1, 17), 23, 0, 11), (dt.date(2026, 1, 18), 0, 15, 11), (dt.date(2026, 1, 16), 23, 0, 28.4),
])  # fmt: skip
def test_a_window_holds_by_clock_weekday_and_season(date, hour, minute, price):
    assert prices.price_at(week(fixed(), at(date, 12)), at(date, hour, minute)) == price


@pytest.mark.parametrize("zone", ["Europe/London", "America/Chicago", "Australia/Lord_Howe"])
def test_on_every_change_of_the_clocks_every_moment_has_the_price_the_wall_clock_says(zone):
    """PRC3, 2020 to 2035."""
    options = fixed(zone, ("01:00-02:00 5", "22:00-01:30 9"))
    place = ZoneInfo(zone)
    for year in range(2020, 2036):
        for n in range(365):
            noon = dt.datetime(year, 1, 1, 12, tzinfo=place) + dt.timedelta(days=n)
            if (noon + dt.timedelta(days=1)).timestamp() - noon.timestamp() == 86_400:
                continue
            slots = week(options, int(noon.timestamp()))
            for moment in range(int(noon.timestamp()), int(noon.timestamp()) + 86_400, 300):
                here = dt.datetime.fromtimestamp(moment, place)
                told = here.hour * 60 + here.minute
                wanted = 5 if 60 <= told < 120 else 9 if told >= 22 * 60 or told < 90 else 28.4
                assert prices.price_at(slots, moment) == wanted


def test_a_tariff_in_euros_where_cents_are_meant_is_told_and_free_power_is_a_tariff():
    (found,) = tariff.faults(fixed(rates=("00:30-05:30 0.08",))._replace(price=0.28))
    assert found == "price: all are below 1; they are written in pence or cents, like 28.4"
    assert tariff.faults(fixed(rates=())._replace(price=0.0)) == []
    assert tariff.faults(fixed(rates=("16:00-19:00 38.2",))._replace(price=0.28)) == []


def test_a_tariff_tells_the_same_text_all_day_and_reaches_a_week_ahead():
    morning, evening = (week(fixed(), NOON + n * 3600) for n in (-10, 9))
    assert morning == evening
    assert prices.coverage_end(morning, NOON) - NOON > 7 * 86_400


@pytest.mark.parametrize("rates", [("25:00-26:00 8",), ("00:30-05:30",), ("00:31-05:30 8",), ("00:30-05:30 8 mon",),
                                   ("00:30-05:30 spring 8",), ("00:00-06:00 900",)])  # fmt: skip
def test_a_rate_that_is_none_is_a_fault_of_the_config(rates):
    assert tariff.faults(fixed(rates=rates))
    assert tariff.faults(fixed()) == []


# -- a table ----------------------------------------------------------------------------------------------------------


def test_only_the_owners_table_is_opened_and_nothing_else_of_the_machine(tmp_path):
    (tmp_path / "p.csv").write_text("start,price\n2026-07-15T11:00Z,12.5\n2026-07-15T11:30Z,13\n")
    (tmp_path / "secret.key").write_text("canary")
    wire = local.live(9e9, tmp_path)
    options = build("prices_csv", URL, path="/p.csv")
    told = through_ask(wire, options, {}, kind="prices_csv")
    assert told["prices_csv x:slots"].value == "[[1784113200,1800,[12.5,13]]]"
    assert prices_csv.faults(options) == []
    assert prices_csv.faults(options._replace(path="/secret.key"))
    with pytest.raises(WireError):
        wire.call(Request("GET", "local-csv:/secret.key"), 9e9)


def test_of_a_year_of_half_hours_only_the_days_around_now_are_kept(tmp_path):
    rows = [f"{NOON - NOON % 86_400 + n * 1800},{10 + n % 9}" for n in range(-10_000, 7_500)]
    (tmp_path / "p.csv").write_text("\n".join(["start,price", *rows]))
    options = build("prices_csv", URL, path="/p.csv")
    told = through_ask(local.live(9e9, tmp_path), options, {}, kind="prices_csv")
    slots = prices.read(told["prices_csv x:slots"].value)
    assert slots[0].start_s == _prices.since_s(NOON)
    assert 28 * 86_400 < slots[-1].end_s - NOON < 31 * 86_400


def test_a_moment_that_stands_twice_once_without_an_end_is_told_with_its_row(tmp_path):
    rows = ("2026-07-15T11:00Z,2026-07-15T11:30Z,12.5", "2026-07-15T11:00Z,,12.5")
    (tmp_path / "p.csv").write_text("\n".join(["start,end,price", *rows]))
    options = build("prices_csv", URL, path="/p.csv", end_column="end")
    told = through_ask(local.live(9e9, tmp_path), options, {}, kind="prices_csv")
    assert {str(one.why) for one in told.values() if one.why} == {"row 3 ends before it begins, or never"}
