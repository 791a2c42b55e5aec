"""What `decide` is told beside image and state: the rules' numbers and the wiring."""

from typing import Any

from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.wiring import Wiring
from mine_controller.record import NamedTuple


class SiteOptions(NamedTuple):
    """The facts of [site] that rules need."""

    name: str
    power_cap_w: int  # 0 = none configured
    live: bool
    strategy: str = "wear"  # wear efficiency mixed
    nominal_hz: float = 0.0  # 0 = the nearer of 50 and 60
    nominal_v: float = 0.0  # of the voltage that is wired; 0 = nobody has said
    require: tuple[str, ...] = ()  # what the site can't do without, in the words of `[site] require`


class PoolFacts(NamedTuple):
    """What rules may know of a [pool] section: never a user or password."""

    name: str
    coin: str = ""
    host: str = ""
    fallback: str = ""  # the name of the pool that stands in for it; "" = none


class Policy(NamedTuple):
    """`rules` holds each rule's filled Options by rule name; a rule whose inputs are absent is not in it."""

    site: SiteOptions
    rules: dict[str, Any]
    wiring: Wiring
    pools: tuple[PoolFacts, ...] = ()
    alarms: AlarmPolicy = AlarmPolicy()
