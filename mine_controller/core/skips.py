"""Why a miner is left out, in one table: (rule, code) -> the one word that scripts match on. Pure.

Every other reason is a limit on the whole site (signal, heat, air, cap, a person): the word for those is "held".
"""

from mine_controller.core.model.reason import Reason

HELD = "held"
SKIPS: dict[tuple[str, str], str] = {
    ("wear", "maintenance"): "maintenance",
    ("wear", "spare"): "spare",
    ("wear", "quarantined"): "quarantined",
    ("wear", "two_writers"): "two_writers",
    ("wear", "min_off"): "min_off",
    ("wear", "budget"): "budget",
    ("wear", "spacing"): "spacing",
    ("wear", "settling"): "settling",
    ("wear", "hot"): "hot",
    ("override", "set"): "person",
    ("branch", "tripped"): "tripped",
    ("choose", "over_limit"): "over_limit",
    ("choose", "no_power"): "no_power",
    ("choose", "no_breaker"): "no_breaker",
    ("choose", "no_phase"): "no_phase",
    ("choose", "phases_apart"): "phases_apart",
    ("choose", "not_ours"): "not_ours",
    ("choose", "unmeasured"): "unmeasured",
    ("choose", "unreachable"): "unreachable",
    ("choose", "waiting"): "waiting",
}


def skip_word(reason: Reason) -> str:
    """The canonical word of a skip reason."""
    return SKIPS.get((reason.rule, reason.code), HELD)
