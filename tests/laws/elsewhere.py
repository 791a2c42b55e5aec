"""The weak source and both homes to which anything may happen at any moment, as state machines for Hypothesis."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from laws.stages import fleet, home, weak
from laws.troubles import Troubled

MODES: Counter[str] = Counter()
STARTS: list[int] = []
LINES = ("sel735 meter", "mqtt supply", "openmptcprouter router", "cgminer rows", "dummy_pool local",
         "roomalert intake", "iotawatt fans", "controlbyweb fans")  # fmt: skip
SHELVES = ("bitaxe shelf", "nerdqaxe shelf", "avalon desk", "avalon garage", "antminer garage", "cgminer garage",
           "whatsminer garage", "xmrig office", "nmminer desk")  # fmt: skip
DESKS = ("bitaxe shelf", "nerdqaxe shelf", "avalon desk", "xmrig office", "nmminer desk", "http_pdu plug1",
         "http_pdu plug2", "octopus agile")  # fmt: skip
FAULTS = ("silent", "garbage", "refuse", "gone", "frozen", "slow 4")


class Anywhere(Troubled):
    """What can go wrong at either. Guards are held after every step, outcomes at the end of the story."""

    @rule(ticks=st.sampled_from([1, 1, 2, 3, 5, 8, 13, 20]))
    def advance(self, ticks):
        self.stage.run(ticks)

    @rule(at=st.integers(1, 40))
    def kill(self, at):
        self.meet("kill", f"kill {at}")
        self.stage.tick()

    @rule(seconds=st.sampled_from([-86_400, -3600, -90, 90, 3600, 86_400]))
    def clock(self, seconds):
        self.meet("clock", f"clock {seconds}")

    @rule(seconds=st.sampled_from([60, 900]))
    def reboot(self, seconds):
        self.meet("reboot", f"reboot {seconds}")

    @precondition(lambda self: sum(self.troubles.values()) > 2)
    @rule()
    def all_is_mended(self):
        """Everything is well again and a person says so."""
        self.meet("mended", *self.healing(), "ask clear-state --all")
        self.stage.tick()
        self.stage.do("ask resume")
        self.stage.run(2)

    @invariant()
    def guards_hold(self):
        assert not hasattr(self, "stage") or self.stage.guarded == []

    def teardown(self):
        if not hasattr(self, "stage"):
            return
        self.stage.run(4)
        MODES.update(tick.mode for tick in self.stage.ticks)
        STARTS.append(sum(self.stage.site.starts()))
        found = self.stage.found
        assert found == (), found[:4]


class Source(Anywhere):
    """Twenty-four miners on a weak source."""

    @initialize(
        weather=st.sampled_from(["savanna", "savanna", "july", "heat_wave"]),
        hour=st.sampled_from([2.0, 9.0, 13.0, 17.0]),
        plant=st.sampled_from(["diesel", "diesel", "hybrid", "solar"]),
        seed=st.integers(1, 3),
    )
    def begin(self, weather, hour, plant, seed):
        self.stage, self.troubles = weak(weather=weather, hour=hour, plant=plant, seed=seed), Counter()
        self.stage.run(4)

    @rule(share=st.sampled_from(["20", "40", "50", "60", "70", "80", "90", "steady", "steady"]))
    def supply(self, share):
        self.meet("supply", f"supply {share}")

    @rule(how=st.sampled_from(["trip", "fail", "mend", "mend"]))
    def generator(self, how):
        self.meet("generator", f"generator {how}")

    @rule(phase=st.integers(1, 3), how=st.sampled_from(["lost", "lost", "back"]))
    def phase(self, phase, how):
        self.meet(f"phase {how}", f"phase {phase} {how}")

    @rule(names=st.sampled_from([("LTE",), ("Starlink",), ("LTE", "Starlink")]), how=st.sampled_from(["up", "down"]))
    def uplinks(self, names, how):
        self.meet(f"uplink {how}", *(f"uplink {name} {how}" for name in names))

    @rule(what=st.sampled_from(["internet", "holding"]), how=st.sampled_from(["up", "down"]))
    def far(self, what, how):
        self.meet(f"{what} {how}", f"{what} {how}")

    @rule(how=st.sampled_from(["well", "nan", "watts", "text", "gone"]))
    def readings(self, how):
        self.meet("readings", f"readings {how}")

    @rule(name=st.sampled_from(LINES), how=st.sampled_from([*FAULTS, "ok", "ok"]))
    def device(self, name, how):
        self.meet("device", f"device {name} {how}")

    @rule(at=st.integers(1, 24), how=st.sampled_from(["mute", "dead", "slow_boot", "api_dies", "sticky", "well"]))
    def miner(self, at, how):
        self.meet(f"miner {how}", f"miner a{at:03} {how}")

    @rule(fan=st.integers(1, 2), how=st.sampled_from(["break", "mend"]))
    def fan(self, fan, how):
        self.meet("fan", f"fan {fan} {how}")

    @rule(words=st.sampled_from(["set-state miners stop", "set-state miner.a003 stop", "clear-state --all"]))
    def operator(self, words):
        self.meet("operator", f"ask {words}")

    def healing(self):
        yield from (f"device {name} ok" for name in LINES)
        yield from (f"phase {n} back" for n in (1, 2, 3))
        yield from (f"miner a{n:03} well" for n in range(1, 25))
        yield from ("readings well", "supply steady", "generator mend", "internet up", "holding up", "uplink LTE up")
        yield from ("fan 1 mend", "fan 2 mend")


class Home(Anywhere):
    """Twelve mixed miners, and a neighbour's."""

    @initialize(
        weather=st.sampled_from(["july", "january", "heat_wave"]),
        hour=st.sampled_from([2.0, 13.0]),
        seed=st.integers(1, 3),
    )
    def begin(self, weather, hour, seed):
        self.stage, self.troubles = fleet(weather=weather, hour=hour, seed=seed), Counter()
        self.stage.run(4)

    @rule(
        at=st.integers(1, 12),
        how=st.sampled_from(
            ["silent", "liar", "slow_boot", "api_dies", "mute", "garbage", "tarpit", "refuses", "dead"]
        ),
    )
    def miner(self, at, how):
        self.meet(f"miner {how}", f"miner a{at:02} {how}")

    @rule(
        where=st.sampled_from([
            "a01 127.0.1.12", "a02 127.0.1.17", "a03 127.0.1.16", "a04 127.0.1.17", "x01 127.0.1.13", "a05 127.0.1.22",
            "a06 127.0.1.32", "a07 127.0.1.42", "a10 127.0.1.52", "a02 home", "a03 home", "a07 home",
        ])
    )  # fmt: skip
    def swap(self, where):
        self.meet("swap", f"swap {where}")

    @rule(where=st.sampled_from(["a01 127.0.1.12", "a02 127.0.1.17", "x01 127.0.1.13"]), at=st.integers(1, 20))
    def swap_within_a_tick(self, where, at):
        self.meet("swap within", f"within {at} swap {where}")

    @rule(name=st.sampled_from(SHELVES), how=st.sampled_from([*FAULTS, "ok", "ok"]))
    def device(self, name, how):
        self.meet("device", f"device {name} {how}")

    @rule(how=st.sampled_from(["open", "open", "shut"]))
    def window(self, how):
        self.meet("window", f"window {how}")

    @rule(
        words=st.sampled_from([
            "set-state miner.a01 stop", "set-state miner.a02 stop", "set-state miner.a07 stop",
            "set-state miner.a10 stop", "set-state miners stop", "clear-state --all", "clear-state --all",
            "quarantine a03", "quarantine a11", "release --all", "set-state mode.a01 eco", "set-state mode.a10 low",
            "set-state mode.a07 low", "set-state mode.a02 turbo",
        ])
    )  # fmt: skip
    def operator(self, words):
        self.meet("operator", f"ask {words}")

    def healing(self):
        yield from (f"device {name} ok" for name in SHELVES)
        yield from (f"miner a{n:02} well" for n in range(1, 13))
        yield from ("window open", *(f"swap a{n:02} home" for n in range(1, 13)), "swap x01 home")


class Agile(Anywhere):
    """Eleven boards that mine by the half-hour price."""

    @initialize(
        weather=st.sampled_from(["july", "january", "heat_wave"]),
        hour=st.sampled_from([1.0, 4.5, 13.0, 15.2, 18.4, 22.0]),
        day=st.integers(0, 60),
        seed=st.integers(1, 3),
    )
    def begin(self, weather, hour, day, seed):
        self.stage, self.troubles = home(weather=weather, hour=hour, day=day, seed=seed), Counter()
        self.stage.run(4)

    @rule(ticks=st.sampled_from([5, 15, 30, 60]))
    def hours(self, ticks):
        self.stage.run(ticks)

    @rule(seconds=st.sampled_from([-86_400, -3600, -90, 90, 3600, 86_400]), ticks=st.integers(1, 4))
    def clock(self, seconds, ticks):
        """A home without a price server of its own time goes by the wall clock: it comes right again."""
        self.meet("clock", f"clock {seconds}")
        self.stage.run(ticks)
        self.stage.do(f"clock {-seconds}")

    @rule(at=st.integers(1, 11), how=st.sampled_from(["silent", "liar", "slow_boot", "api_dies", "mute", "garbage",
                                                      "tarpit", "refuses", "well"]))  # fmt: skip
    def miner(self, at, how):
        self.meet(f"miner {how}", f"miner a{at:02} {how}")

    @rule(name=st.sampled_from(DESKS), how=st.sampled_from([*FAULTS, "ok", "ok"]))
    def device(self, name, how):
        self.meet("device", f"device {name} {how}")

    @rule(how=st.sampled_from(["up", "down"]))
    def internet(self, how):
        self.meet(f"internet {how}", f"internet {how}")

    @rule(how=st.sampled_from(["missed", "made"]))
    def publication(self, how):
        self.meet("publication", f"publication {how}")

    @rule(how=st.sampled_from(["open", "open", "shut"]))
    def window(self, how):
        self.meet("window", f"window {how}")

    @rule(
        words=st.sampled_from([
            "set-state strategy off", "set-state strategy on", "set-state band 4", "set-state band off",
            "set-state miner.a01 stop", "set-state miner.a08 stop", "set-state miners stop", "clear-state --all",
            "clear-state --all", "quarantine a03", "release --all", "set-state mode.a02 turbo",
            "set-state mode.a08 low", "set-state pool.a04 bch",
        ])
    )  # fmt: skip
    def operator(self, words):
        self.meet("operator", f"ask {words}")

    def healing(self):
        yield from (f"device {name} ok" for name in DESKS)
        yield from (f"miner a{n:02} well" for n in range(1, 12))
        yield from ("window open", "internet up", "publication made", "ask release --all")
