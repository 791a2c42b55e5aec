"""The plant as wired: which channel is what. Facts of config.txt and fleet.csv, frozen; nothing here was measured."""

from mine_controller.record import NamedTuple


class Role(NamedTuple):
    """A role and the reading keys that feed it, e.g. inlet_c <- ("roomalert intake/1:temp_c", ...)."""

    name: str
    keys: tuple[str, ...]
    vote: str
    max_age_s: int


class FanSpec(NamedTuple):
    """One container fan. `switch` and `watts` are channels ("controlbyweb fans/1"); `watts` "" = no proof possible."""

    name: str  # "1".."9"
    switch: str
    watts: str
    normal_w: int
    active_low: bool = False


class Path(NamedTuple):
    """One way to change a miner: a lane (an endpoint, "foreman mine") and how long proof may take."""

    lane: str
    proof_s: int
    gentle: bool  # False: an outlet


class MinerSpec(NamedTuple):
    """What config and fleet.csv say of one miner."""

    id: str  # short name people use: a017
    mac: str  # identity, lower case with colons; or a serial
    group: str  # the section that serves it: "foreman mine"
    nominal_w: int
    standby_w: int
    outlet: str = ""  # channel of its outlet: "redfish pdu1/A1"; "" = none
    outlet_metered: bool = True
    breaker: str = ""
    phase: str = ""
    row: str = ""
    flags: tuple[str, ...] = ()  # protected maintenance spare
    name: str = ""
    paths: tuple[Path, ...] = ()  # gentle ones first, the outlet last
    ramp_patience_s: int = 600
    verbs: tuple[str, ...] = ()  # what its own section may be told at most
    modes: tuple[str, ...] = ()  # from least to most power
    pools: tuple[str, ...] = ()  # names of the [pool] sections it may work for
    settle_s: int = 0  # after a restart, mode or pool change its word counts for little this long
    nameplate: bool = False  # True: nominal_w is nobody's word, just what such a unit usually draws


class BreakerSpec(NamedTuple):
    """A branch, or a whole phase: `limit_w` is the continuous 80 % already."""

    name: str
    limit_w: int
    phase: str = ""


class Lane(NamedTuple):
    """An endpoint as a queue: how many at a time, seconds a call, whether one call serves a whole batch."""

    name: str
    width: int = 1
    call_s: float = 1.0
    batch: bool = False
    live: bool = True  # `live = no` in its section: asked, never commanded


class EndpointSpec(NamedTuple):
    """An endpoint to ask, and how often."""

    name: str  # "roomalert intake"
    every_s: int = 0  # 0: each tick
    fleet: bool = False  # it reports on miners
    rest_s: int = 0  # its boards are not asked again before this, but once after a command
    outside: bool = False  # it lies beyond the uplinks, and nothing of the site feeds it
    here: bool = False  # it is a part of the controller itself, and answers whatever happens to the site


class UplinkSpec(NamedTuple):
    """A way to the internet, by the channel that watches it: "uplink starlink" or "openmptcprouter router/lte"."""

    name: str
    channel: str


class Wiring(NamedTuple):
    """Everything above, together."""

    roles: dict[str, Role]
    fans: tuple[FanSpec, ...]
    miners: tuple[MinerSpec, ...]
    breakers: tuple[BreakerSpec, ...]
    lanes: dict[str, Lane]
    endpoints: dict[str, EndpointSpec]
    absent: tuple[str, ...] = ()  # protections no section configures: their rules don't exist
    phases: tuple[BreakerSpec, ...] = ()  # limits of whole phases, by the name fleet.csv calls them
    uplinks: tuple[UplinkSpec, ...] = ()
    dummy_pool: str = ""  # the section of the local pool that rules open and close; "" = there is none
    wall: str = ""  # the relay of the evaporative wall's pump: "controlbyweb fans/8"; "" = there is none
    lamp: str = ""  # the relay or outlet of a lamp or siren at the site: "controlbyweb fans/9"; "" = there is none

    def is_outside(self, endpoint: str) -> bool:
        """True of an endpoint that lies beyond the uplinks."""
        spec = self.endpoints.get(endpoint)
        return spec is not None and spec.outside
