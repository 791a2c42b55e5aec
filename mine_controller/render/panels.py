"""The panels of the page: power, contract, air and temperatures, worded and measured out for the templates. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from mine_controller.core.model.quantity import ROLES
from mine_controller.render import cooling, svg
from mine_controller.render.given import SiteFacts
from mine_controller.render.text import UNKNOWN, Zone, degrees, rated, seconds, share, span, temperature, watts

Doc = Mapping[str, Any]
LAYERS = ("safety", "person", "contract", "equipment", "economics")
STRAGGLERS_SHOWN = 8
LABELS = {"dew_c": "Dew point"}


def of(known: int, total: int) -> str:
    """N of m."""
    return f"{known:,} of {total:,}"


def is_partial(made: Doc) -> bool:
    """The site's power is a lower bound: a sum in which not everybody is known."""
    return bool(made["power_source"] == "parts" and made["power_known"] < made["power_of"])


def power(made: Doc, site: SiteFacts) -> dict[str, Any]:
    """Bar, figures and what narrows the power now."""
    total_w, cap_w, miners = made["power_w"], made["cap_w"], made["miners"]
    top_w = max(cap_w or 0, total_w or 0, made["permitted_w"] or 0, 1000) * 1.04
    scale = svg.Scale(0, top_w, 1000)
    partial = is_partial(made)
    miners_w, fans_w = made["miners_w"] or 0, made["fans_w"] or 0
    rest_w = max(0, (total_w or 0) - miners_w - fans_w)
    bars = [
        {"kind": kind, "x": x, "width": scale.at(part)}
        for kind, x, part in (
            ("miners", 0, miners_w),
            ("fans", scale.at(miners_w), fans_w),
            ("rest", scale.at(miners_w + fans_w), rest_w),
        )
        if part
    ]
    return {
        "value": ("at least " if partial else "") + watts(total_w),
        "known": total_w is not None,
        "cap": rated(cap_w) if cap_w else "none",
        "against": _against(total_w, cap_w),
        "has_cap": bool(cap_w),
        "has_fans": any(fan.watts for fan in site.wiring.fans),
        "has_rest": rest_w > 0,
        "over": total_w is not None and bool(cap_w) and total_w > cap_w,
        "cap_x": scale.at(cap_w) if cap_w else None,
        "cap_pct": scale.pct(cap_w) if cap_w else None,
        "permitted_x": scale.at(made["permitted_w"]) if made["permitted_w"] is not None else None,
        "bars": bars,
        "source": _power_source(made),
        "rows": _power_rows(made, miners, partial, len([fan for fan in site.wiring.fans if fan.watts])),
        "limits": [
            {"layer": LAYERS[one["layer"]] if 0 <= one["layer"] < len(LAYERS) else "?", **_limit(one)}
            for one in made["limits"]
        ],
    }


def _against(total_w: int | None, cap_w: int | None) -> str:
    if not cap_w:
        return "no cap is configured"
    return f"cap {rated(cap_w)}" if total_w is None else f"{share(total_w, cap_w)} % of the {rated(cap_w)} cap"


def _power_source(made: Doc) -> str:
    if made["power_source"] == "meter":
        return "by the site meter"
    parts = f"sum of what is measured: {of(made['power_known'], made['power_of'])} miners and fans"
    why = f" ({made['power_why']})" if made["power_why"] else ""
    return (parts if made["power_source"] else f"nothing measured: 0 of {made['power_of']:,}") + why


def _power_rows(made: Doc, miners: Doc, partial: bool, metered: int) -> list[dict[str, str]]:
    rows = [
        {
            "name": "Miners",
            "value": watts(made["miners_w"]),
            "note": f"{of(miners['power_known'], miners['total'])} known",
        },
    ]
    if metered:
        rows.append(
            {"name": "Fans", "value": watts(made["fans_w"]), "note": f"{of(made['fans_known'], metered)} known"}
        )
    if made["power_source"] == "meter" and made["miners_w"] is not None:
        rest_w = made["power_w"] - made["miners_w"] - (made["fans_w"] or 0)
        complete = miners["power_known"] == miners["total"] and made["fans_known"] == metered
        note = "meter less both" if complete else "and the unknown"
        note = note if rest_w >= 0 else "the meter sees less than they tell"  # of another second, or rounded
        rows.append({"name": "Rest", "value": watts(rest_w), "note": note})
    rows.append({"name": "Permitted", "value": rated(made["permitted_w"]), "note": "for miners, now"})
    if made["cap_w"] and made["power_w"] is not None:
        left_w = made["cap_w"] - made["power_w"]
        most = "at most " if partial and left_w >= 0 else ""  # who is not known draws something, too
        note = "" if left_w >= 0 else "over the cap"
        rows.append({"name": "Below the cap", "value": most + watts(left_w), "note": note})
    return rows


_AMOUNTS = {
    "max_power_w": "miners at most {w}",
    "start_max_w": "starts up to {w}",
    "max_miners": "at most {n} miners",
    "start_miners": "{n} starts now",
    "fans_min": "at least {n} fans",
    "fans_max": "at most {n} fans",
    "no_start": "no starts",
    "no_fan_down": "no fan down",
}


def _limit(one: Doc) -> dict[str, str]:
    what = "1 start now" if (one["what"], one["amount"]) == ("start_miners", 1) else _AMOUNTS.get(one["what"])
    told = what.format(w=rated(one["amount"]), n=f"{one['amount']:,}") if what else str(one["what"])
    return {"what": "miners off" if one["what"] == "max_power_w" and not one["amount"] else told, "why": one["why"]}


_WORDS = {
    "run": ("RUN", "good", "run"),
    "off": ("OFF", "contract", "off"),
    "warn": ("WARN", "warn", "warn"),
}


def contract(made: Doc, zone: Zone, now_s: int) -> dict[str, Any]:
    """The signal, the event and the forecast."""
    signal = made["signal"]
    word, tone, icon = _WORDS.get(signal["value"] or "", (UNKNOWN, "warn", "unknown"))
    since = signal["since"]
    return {
        "configured": signal["configured"],
        "word": word,
        "tone": tone,
        "icon": icon,
        "age": f"read {span(signal['age_s'])} ago" if signal["age_s"] is not None else "never read",
        "since": f"since {zone.near(since, now_s)}, {span(now_s - since)}" if since is not None else "",
        "source": signal["source"] or "",
        "why": signal["why"],
        "text": signal["text"] or "",
        "event": _event(made["last_event"], zone, now_s) if made["last_event"] else None,
        "obey": _obey(made["time_to_obey"]) if made["time_to_obey"] else None,
    }


_STEPS = (
    ("first_command_s", "First command"),
    ("shed_50_s", "50 % gone"),
    ("shed_90_s", "90 % gone"),
    ("shed_100_s", "Proven"),
)


_CAUSES = {
    "signal": "the power signal",
    "override": "a person",
    "temperature": "inlet heat",
    "hazard": "smoke or water",
    "air": "lost air",
    "cap": "the power cap",
}


def _event(event: Doc, zone: Zone, now_s: int) -> dict[str, Any]:
    began, ended = event["signal_at"], event["ended_at"]
    never = "not yet" if event["in_progress"] else "never"
    left = [f"{one['miner']} (rung {one['rung']})" for one in event["stragglers"][:STRAGGLERS_SHOWN]]
    more = event["stragglers_n"] - len(left)
    name = "curtailment" if event["cause"] == "signal" else "full stop"
    cause = _CAUSES.get(event["cause"], event["cause"])
    if event.get("blind"):  # a document that an older version wrote has none
        cause = "minectl itself, as the signal could not be read"
    return {
        "title": f"{name.capitalize()} in progress" if event["in_progress"] else f"Last {name}",
        "cause": cause,
        "began": zone.near(began, now_s) if began is not None else UNKNOWN,
        "ongoing": event["in_progress"],
        "lasted": span((ended if ended is not None else now_s) - began) if began is not None else UNKNOWN,
        "steps": [
            {
                "name": name,
                "value": f"+{seconds(event[key])}" if event[key] is not None else never,
                "done": event[key] is not None,
            }
            for key, name in _STEPS
        ],
        "before": watts(event["power_before_w"]),
        "confirmed": watts(event["power_confirmed_w"]) if event["power_confirmed_w"] is not None else never,
        "floor": watts(event["floor_w"]),
        "gentle": UNKNOWN if event["gentle"] is None else f"{event['gentle']:,}",
        "hard": UNKNOWN if event["hard"] is None else f"{event['hard']:,}",
        "open_told": "still open" if event["in_progress"] else "still open at its end",
        "open": f"{event['stragglers_n']:,}",
        "stragglers": ", ".join(left) + (f" and {more} more" if more > 0 else ""),
        "emergency": event["emergency"],
    }


def _obey(obey: Doc) -> dict[str, Any]:
    within = obey["within_s"] or obey["seconds"] or 1
    scale = svg.Scale(0, max(within, obey["seconds"]) * 1.04, 1000)
    return {
        "seconds": seconds(obey["seconds"]),
        "within": seconds(obey["within_s"]),
        "ok": obey["seconds"] <= obey["within_s"] and not obey["unreachable"],
        "bar": scale.at(obey["seconds"]),
        "limit_x": scale.at(within),
        "gentle": f"{obey['gentle']:,}",
        "hard": f"{obey['hard']:,}",
        "unreachable": f"{obey['unreachable']:,}",
        "lanes": [{"name": name, "count": f"{count:,}"} for name, count in obey["lanes"].items()],
    }


def temperatures(made: Doc, site: SiteFacts, sensors: Mapping[str, Sequence[Doc]]) -> dict[str, Any]:
    """The ladder with its three limits, a row for each place, the probes behind them, and the other readings."""
    readings, unit = made["readings"], site.temperature_unit
    known = [made["temperatures"][name] for name in ("inlet_c", "outlet_c", "ambient_c") if _number(made, name)]
    low, high = min([0.0, *known]), max([50.0, *(value + 2 for value in known)])
    scale = svg.Scale(low, high, 1000)
    rows = [
        _ladder_row(name, readings[name], scale, site)
        for name in ("inlet_c", "outlet_c", "ambient_c")
        if name in readings
    ]
    names = zip(("warn", "shed", "stop"), ("end", "middle", "start"), site.inlet_limits_c, strict=True)
    elsewhere = made["supply"]["inputs"] if made["supply"] is not None else ()  # stands in a section of its own
    return {
        "rows": rows,
        "limits": [
            {"name": name, "anchor": anchor, "pct": scale.pct(limit), "text": f"{degrees(limit, unit):g}"}
            for name, anchor, limit in names
        ],
        "zones": _zones(scale, site),
        "ends": (f"{degrees(low, unit):.0f}", f"{degrees(high, unit):.0f}"),
        "unit": f"°{unit}",
        "others": [
            {"name": LABELS.get(name) or ROLES[name].label, "value": _other(name, one["value"], unit)} | _doubt(one)
            for name, one in readings.items()
            if name not in ("inlet_c", "outlet_c", "ambient_c", *elsewhere)
        ],
        "sensors": [
            {
                "name": one["source"],
                "value": temperature(one["value"], unit) if one["known"] else UNKNOWN,
                "age": _age(one["age_s"]),
                "why": one["why"],
            }
            for one in sensors.get("inlet_c", ())
        ],
    }


def _number(made: Doc, name: str) -> bool:
    return isinstance(made["temperatures"].get(name), int | float)


def _zones(scale: svg.Scale, site: SiteFacts) -> list[dict[str, Any]]:
    edges = (scale.low, *site.inlet_limits_c, scale.high)
    return [
        {"kind": kind, "x": scale.at(low), "width": scale.at(high) - scale.at(low)}
        for kind, low, high in zip(("calm", "warn", "shed", "stop"), edges, edges[1:], strict=False)
    ]


def _ladder_row(name: str, one: Doc, scale: svg.Scale, site: SiteFacts) -> dict[str, Any]:
    value = one["value"]
    level = sum(value >= limit for limit in site.inlet_limits_c) if value is not None and name == "inlet_c" else 0
    return {
        "key": name.rpartition("_")[0],
        "name": ROLES[name].label,
        "value": temperature(value, site.temperature_unit),
        "pct": scale.pct(value) if value is not None else None,
        "level": ("calm", "warn", "shed", "stop")[level],
        "said": ("", "warning", "shedding", "stop")[level],
    } | _doubt(one)


def _doubt(one: Doc) -> dict[str, str]:
    """Age and, while unknown, why."""
    return {"age": _age(one["age_s"]), "why": (one["why"] or "no reason given") if one["value"] is None else ""}


def _age(age_s: int | None) -> str:
    return "never read" if age_s is None else f"{span(age_s)} ago"


def _other(name: str, value: Any, unit: str) -> str:
    if value is None:
        return UNKNOWN
    if name.endswith("_c"):
        return temperature(value, unit)
    ends = {"humidity_pct": ("{:.0f}", "%"), "grid_hz": ("{:.2f}", "Hz"), "voltage_v": ("{:.1f}", "V")}.get(name)
    return str(value) if ends is None else ends[0].format(value) + "\u00a0" + ends[1]


BY_RELAY = "on by their relays"
# state -> caption, tone, drawing
_FANS = {
    "proven": ("air proven", "good", "proven"),
    "starting": ("starting", "move", "starting"),
    "off": ("off", "quiet", "off"),
    "suspect": ("weak air", "warn", "suspect"),
    "failed": ("FAILED", "bad", "failed"),
    "welded": ("runs though off", "bad", "suspect"),
}


def air(made: Doc) -> dict[str, Any]:
    """The fans as drawn, their sums, and how full the container is."""
    fans = [_fan(fan) for fan in made["fans"]]
    wanted = [fan["wanted"] for fan in made["fans"]]
    relays = [fan["on"] for fan in made["fans"] if fan["on"] is not None]
    on = known_of(sum(relays), len(relays), len(fans))
    miners = made["miners"]
    metered = sum(fan["metered"] for fan in made["fans"])
    warm = None if miners["running"] is None else miners["running"] + miners["stopping"]
    seen = miners["total"] - (miners["unknown"] or 0)
    return {
        "fans": fans,
        "wall": cooling.said(made.get("wall")),  # a document that an older version wrote has none
        "total": len(fans),
        "wanted": UNKNOWN if None in wanted else of(sum(wanted), len(fans)),
        "on": on,
        "proven": known_of(
            sum(fan["state"] == "proven" for fan in made["fans"]),
            sum(fan["state"] != "unknown" for fan in made["fans"]),
            len(fans),
        )
        if metered
        else on,
        "by": "prove air" if metered else BY_RELAY,
        "watts": f"{watts(made['fans_w'])}, {of(made['fans_known'], metered)} known" if metered else "no meter",
        "load_pct": f"{share(warm or 0, miners['total'])}%",
        "load": f"{UNKNOWN if warm is None else known_of(warm, seen, miners['total'])} miners draw power",
    }


def known_of(count: int, known: int, total: int) -> str:
    """N of m, the unknown said beside it."""
    if total and not known:
        return UNKNOWN
    return of(count, total) + (f" ({total - known} unknown)" if known < total else "")


def _fan(fan: Doc) -> dict[str, Any]:
    caption, tone, drawing = _FANS.get(fan["state"], (UNKNOWN, "warn", "unknown"))
    if fan["state"] == "off" and fan["wanted"]:
        caption, tone = "wanted, not on", "warn"
    if fan["state"] == "proven" and fan["wanted"] is False:
        caption = "proven, going off"
    if not fan["metered"] and fan["on"]:
        caption, tone = "on, no meter", "quiet"  # nothing could ever prove its air
    hours = round(fan["run_s"] / 3600)
    return {
        "name": fan["name"],
        "caption": caption,
        "tone": tone,
        "drawing": drawing,
        "watts": watts(fan["watts"]) if fan["metered"] else "no meter",
        "normal": watts(fan["normal_w"]),
        "wanted": _yes(fan["wanted"]),
        "on": _yes(fan["on"]),
        "age": _age(fan["watts_age_s"] if fan["metered"] else fan["on_age_s"]),
        "hours": f"{hours:,}\u00a0h",
    }


def _yes(value: bool | None) -> str:
    return UNKNOWN if value is None else "on" if value else "off"
