"""What `decide` is told beside image and state: the rules' numbers and the wiring."""

from typing import Any, NamedTuple

from mine_controller.core.model.wiring import Wiring


class SiteOptions(NamedTuple):
    """The facts of [site] that rules need."""

    name: str
    power_cap_w: int  # 0 = none configured
    live: bool
    strategy: str = "wear"  # wear efficiency mixed


class Policy(NamedTuple):
    """`rules` holds each rule's filled Options by rule name; a rule whose inputs are absent is not in it."""

    site: SiteOptions
    rules: dict[str, Any]
    wiring: Wiring
