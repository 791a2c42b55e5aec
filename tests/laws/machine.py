"""A site to which anything may happen at any moment, as a state machine for Hypothesis."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from laws.stages import stage
from laws.troubles import Troubled

MINERS, PDUS, FANS = 12, 2, 9
MODES: Counter[str] = Counter()
STARTS: list[int] = []

miner = st.integers(1, MINERS).map("a{:03}".format)
pdu = st.integers(1, PDUS).map("pdu{}".format)


class Site(Troubled):
    """Twelve miners on real drivers. Guards are held after every step, outcomes at the end of the story."""

    metered = False

    @initialize(
        weather=st.sampled_from(["july", "heat_wave", "harvest", "january", "tropical"]),
        hour=st.sampled_from([2.0, 9.0, 13.0]),
        running=st.sampled_from([True, True, False]),
        seed=st.integers(1, 3),
    )
    def begin(self, weather, hour, running, seed):
        self.stage = stage(
            MINERS, pdus=PDUS, weather=weather, hour=hour, seed=seed, running=running, metered=self.metered
        )
        self.stage.run(4)
        self.troubles = Counter()

    @rule(ticks=st.sampled_from([1, 1, 2, 3, 5, 8, 13]))
    def advance(self, ticks):
        self.stage.run(ticks)

    @rule(word=st.sampled_from(["off", "off", "run", "run", "warn"]))
    def signal(self, word):
        self.meet(f"signal {word}", f"signal {word}")

    @rule(
        how=st.sampled_from(
            ["ok", "blank", "mangled", "silent", "html", "cut", "refuse", "unauthorised", "frozen", "slow 8"]
        )
    )
    def page(self, how):
        self.meet("page" if how != "ok" else "page ok", f"page {how}")

    @rule(kind=st.sampled_from(["july", "heat_wave", "harvest", "january", "tropical"]))
    def weather(self, kind):
        self.meet("weather", f"weather {kind}")

    @rule(fan=st.integers(1, FANS), how=st.sampled_from(["break", "mend"]))
    def fan(self, fan, how):
        self.meet(f"fan {how}", f"fan {fan} {how}")

    @rule(how=st.sampled_from(["break", "mend"]))
    def bank_of_fans(self, how):
        self.meet(f"bank {how}", *(f"fan {fan} {how}" for fan in range(1, FANS + 1)))

    @rule(probe=st.integers(1, 5), how=st.sampled_from(["unplug", "stick 21.5", "stick -40", "well"]))
    def sensor(self, probe, how):
        self.meet("sensor", f"sensor {probe} {how}")

    @rule(
        units=st.sets(miner, min_size=1, max_size=4),
        how=st.sampled_from(["mute", "liar", "slow_boot", "api_dies", "dead"]),
    )
    def miners(self, units, how):
        self.meet(f"miner {how}", *(f"miner {unit} {how}" for unit in sorted(units)))

    @rule(unit=pdu, how=st.sampled_from(["silent", "slow 5", "refuse", "frozen", "ok"]))
    def outlets(self, unit, how):
        self.meet("pdu", f"device redfish {unit} {how}")

    @rule(unit=pdu, at=st.integers(1, MINERS // PDUS), how=st.sampled_from(["weld", "jam", "mend"]))
    def contact(self, unit, at, how):
        self.meet("contact", f"outlet {unit}/A{at} {how}")

    @rule(
        name=st.sampled_from(["roomalert intake", "iotawatt fans", "controlbyweb fans", "foreman mine"]),
        how=st.sampled_from(["silent", "garbage", "huge", "drip", "gone", "ok"]),
    )
    def device(self, name, how):
        self.meet("device", f"device {name} {how}")

    @rule(how=st.sampled_from(["gone", "refuse", "ok"]))
    def internet(self, how):
        """The line out, or its names: page and cloud go together."""
        self.meet("internet", f"device foreman mine {how}", f"page {how}")

    @rule(at=st.integers(1, 40))
    def kill(self, at):
        self.meet("kill", f"kill {at}")
        self.stage.tick()

    @rule(seconds=st.sampled_from([-50 * 31_557_600, -86_400, -3600, -90, 90, 3600, 86_400, 10 * 31_557_600]))
    def clock(self, seconds):
        self.meet("clock", f"clock {seconds}")

    @rule(ticks=st.integers(1, 3))
    def disk(self, ticks):
        self.meet("disk", "disk dead")
        self.stage.run(ticks)
        self.stage.do("disk ok")

    @rule(seconds=st.sampled_from([20, 120, 600]))
    def power_cut(self, seconds):
        self.meet("power cut", f"power_cut {seconds}")

    @rule(seconds=st.sampled_from([60, 900]))
    def reboot(self, seconds):
        self.meet("reboot", f"reboot {seconds}")

    @rule(
        words=st.sampled_from([
            "set-state miners stop", "set-state miner.a003 stop", "set-state signal off", "set-state inlet_c 20",
            "set-state fans 9", "set-state max_power_kw 20", "set-state signal run --stand-in",
            "set-state signal run --accept-penalty", "clear-state --all", "resume", "set-state nonsense 1",
            "quarantine a005", "release --all",
        ])
    )  # fmt: skip
    def operator(self, words):
        self.meet("operator", f"ask {words}")

    @rule(on=st.booleans())
    def emergency_stop(self, on):
        self.meet("stop", f"stop {'on' if on else 'off'}")

    @rule(what=st.sampled_from(["smoke", "water"]), on=st.booleans())
    def hazard(self, what, on):
        self.meet(what, f"{what} {'on' if on else 'off'}")

    @precondition(lambda self: sum(self.troubles.values()) > 2)
    @rule()
    def all_is_mended(self):
        """Everything is well again and a person says so: the site has to come back."""
        healed = [f"miner a{at:03} well" for at in range(1, MINERS + 1)]
        healed += [f"outlet pdu{n}/A{at} mend" for n in range(1, PDUS + 1) for at in range(1, MINERS // PDUS + 1)]
        healed += [f"fan {fan} mend" for fan in range(1, FANS + 1)]
        healed += [f"sensor {probe} well" for probe in range(1, 6)]
        healed += [f"device {name} ok" for name in self.stage.site.served]
        healed += ["page ok", "smoke off", "water off", "stop off", "ask clear-state --all"]
        self.meet("mended", *healed, *self.healing())
        self.stage.tick()
        self.stage.do("ask resume")
        self.stage.run(2)

    def healing(self):
        """What else has to be mended."""
        return ()

    @invariant()
    def guards_hold(self):
        assert not hasattr(self, "stage") or self.stage.guarded == []

    def teardown(self):
        if not hasattr(self, "stage"):
            return
        self.meet("signal off", "page ok", "signal off")
        self.stage.run(4)
        MODES.update(tick.mode for tick in self.stage.ticks)
        last, first = self.stage.sampler.samples[-1], self.stage.sampler.samples[0]
        STARTS.append(sum(last.starts) - sum(first.starts))
        found = self.stage.found
        assert found == (), found[:4]


class Metered(Site):
    """The same with a meter on the feed, that may be ill, and PDUs that may lie."""

    metered = True

    @rule(how=st.sampled_from(["still", "silent", "scaled 10", "scaled 0.1", "late 20", "late 60", "late 200", "well"]))
    def main_meter(self, how):
        self.meet("meter", f"meter {how}")

    @rule(unit=pdu, how=st.sampled_from(["zero", "off", "true"]))
    def lying_pdu(self, unit, how):
        self.meet("lie", f"pdu {unit} {how}")

    def healing(self):
        return ("meter well", *(f"pdu pdu{n} true" for n in range(1, PDUS + 1)))
