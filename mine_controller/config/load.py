"""`load(path) -> Config`, or `ConfigError` with every problem of config.txt and fleet.csv at once.

The files are read once; nothing looks at them again during a tick. A section in which a value is still CHANGE-ME is not
yet active: it and what is wired to it are left out with a note, so that a fresh site can be checked and watched.
"""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mine_controller.config import (
    across,
    alarms,
    catalogue,
    idle,
    keep,
    overlap,
    permissive,
    pools,
    relays,
    site,
    sizes,
)
from mine_controller.config import fleet as fleet_file
from mine_controller.config.doubts import doubts
from mine_controller.config.lines import Document, Over, Section, decode, nearest, put_over
from mine_controller.config.lines import read as read_lines
from mine_controller.config.model import Config, ConfigError, Endpoint, Problem
from mine_controller.config.source import Source, read_source, real, sha
from mine_controller.config.values import Place
from mine_controller.config.wiring import TITLE as WIRING
from mine_controller.config.wiring import Built, Defaults, Wired, build
from mine_controller.config.work import Common, FleetCommon, Work
from mine_controller.core.model.policy import Policy, SiteOptions
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.option import Secret, fill

SITE = "site"


def load(path: Path | str, over: Over | None = None) -> Config:
    """The config of a site. `over` puts values over those of the file: {"foreman mine": {"base_url": "http://127.0.0.1:1"}}."""
    return build_config(read_source(Path(path)), over or {})


def build_config(source: Source, over: Over) -> Config:
    """The config out of both texts."""
    text, wrong = decode(source.config)
    listed, wrong_fleet = decode(source.fleet or b"", fleet_file.FILE)
    if wrong and not text:  # what would be missing then is only not read
        raise ConfigError((*wrong, *wrong_fleet))
    document = read_lines(text)
    private = stat.S_IMODE(source.mode) & 0o077 == 0
    work = Work(Place(real(source.path).parent, private))
    work.problems += [*wrong, *wrong_fleet, *document.problems]
    if stat.S_IMODE(source.mode) & 0o002:
        work.tell(0, "", "", "can be changed by anybody on this machine: chmod 600 it")
    loader = _Loader(put_over(document, over), work)
    site_options = loader.facts()
    kinds, channels = loader.sections()
    rows, row_problems = fleet_file.read(listed)
    work.problems += row_problems
    work.notes += fleet_file.doubts(rows)
    built = loader.wiring(rows, kinds, site_options)
    permissive.check(loader.document, channels, kinds, built.wiring, site_options, work)
    relays.check(loader.document.sections.get(WIRING), channels, kinds, built.wiring, work)
    relays.outlets(rows, loader.document.sections.get(WIRING), kinds, built.wiring, work)
    rules = loader.rules(built)
    loader.between(rules, built)
    across.names(loader.document, rules, kinds, built.wiring, work)
    _plant(loader, rules, built.wiring, site_options)
    idle.note(loader.document, rules, built.wiring, kinds, work)
    across.money(loader.document, site_options, kinds, work)
    across.channels(loader.document, channels, work)
    loader.crossed(rules, site_options)
    paths = site.paths(source.path.absolute(), site_options)
    across.places(loader.document, paths, work)
    keeping = loader.keeping()
    alarming = alarms.read(loader.document.sections.values(), work)
    alarming = alarming._replace(channels=tuple(name for name, some in channels.items() if hasattr(some, "least")))
    loader.require(built, site_options)
    _is_listed(source.fleet, work)
    if work.problems:
        order = sorted(set(work.problems), key=lambda one: (one.file, one.line, one.text, one.section, one.option))
        raise ConfigError(tuple(order))
    doubts(work, built.wiring, kinds, channels)
    overlap.note(kinds, work)
    endpoints = {title: wired.endpoint for title, wired in kinds.items() if wired.endpoint is not None}
    return Config(
        site=site.site(site_options),
        policy=Policy(_facts(site_options), rules, built.wiring, pools.facts(loader.pools.pools.values()), alarming),
        endpoints=endpoints,
        channels=channels,
        paths=paths,
        sha=sha(source),
        notes=tuple(sorted(dict.fromkeys(work.notes), key=lambda note: note.line)),
        secrets=tuple(dict.fromkeys(work.secrets)),
        facts=site_options,
        keep=keeping,
        texts=(Secret(source.config.decode()), None if source.fleet is None else Secret(source.fleet.decode())),
        pools=tuple(loader.pools.pools.values()),
    )


def _plant(loader: "_Loader", rules: dict[str, Any], wiring: Wiring, options: site.Options) -> None:
    """What must agree about fans, source and miners, their figures, and how often they are looked at."""
    document, work = loader.document, loader.work
    across.air(document, rules, wiring, work)
    across.generator(document, rules, wiring, work)
    sizes.sizes(document, wiring, work)
    across.pace(document, rules, options, wiring, work)
    across.phases(document, wiring, work)


def _is_listed(fleet: bytes | None, work: Work) -> None:
    if fleet is None:
        work.note(0, "", "", "there is no fleet.csv beside config.txt: no miner is known")
    elif not fleet.strip():  # cut off by a full disk or a dead editor: never taken for a mine without miners
        text = "is empty: its first line names the columns (`fleet.csv.previous` may hold what was in it)"
        work.problems.append(Problem(0, "", "", text, fleet_file.FILE))


def _facts(options: site.Options) -> SiteOptions:
    cap_w, grid = round(options.power_cap_kw * 1000), (options.nominal_hz, options.nominal_v)
    return SiteOptions(options.name, cap_w, options.live, options.strategy, *grid, site.required(options))


class _Loader:
    """The sections of one document, by what serves them."""

    def __init__(self, document: Document, work: Work) -> None:
        self.document, self.work = document, work
        self.rule_modules = catalogue.rules()
        self.pools = pools.Read({}, ())

    def facts(self) -> site.Options:
        """[site]; where it is broken, defaults, so that the rest can be told too."""
        section = self.document.sections.get(SITE)
        if section is None:
            self.work.tell(0, SITE, "", "the section is missing")
            return fill(site.Options, {"name": "?"})
        options: site.Options | None = self._filled(section, site.Options)
        if options is None:
            return fill(site.Options, {"name": "?"})
        if {"tick_s", "tick_minutes"} <= section.entries.keys():
            line = section.entries["tick_minutes"].line
            self.work.tell(line, SITE, "tick_minutes", "stands beside tick_s: write one of the two")
        if "power_cap_kw" in section.entries and not options.power_cap_kw:
            line = section.entries["power_cap_kw"].line
            self.work.note(line, SITE, "power_cap_kw", "0 is no cap; what keeps everything off is emergency-stop")
        return options

    def _filled(self, section: Section, options: Any) -> Any:
        """Options of a section that has to be complete."""
        filled = self.work.fill(section, options)
        for key in filled.unfilled:
            self.work.tell(section.entries[key].line, section.title, key, "still has to be filled in")
        return filled.options

    def sections(self) -> tuple[dict[str, Wired], dict[str, Any]]:
        """Devices and channels; anything else unknown is told with the nearest known word."""
        kinds: dict[str, Wired] = {}
        channels: dict[str, Any] = {}
        self.pools = pools.read(self.document.sections.values(), self.work)
        for section in self.document.sections.values():
            if section.title in (SITE, WIRING, keep.TITLE) or section.title in self.rule_modules:
                continue
            if section.kind in (pools.KIND, alarms.KIND, alarms.TITLE) or self._of_rule(section):
                continue
            device = catalogue.find("device", section.kind)
            channel = catalogue.find("channel", section.kind)
            if device is not None:
                kinds[section.title] = self._endpoint(section, device)
            elif channel is not None:
                self._channel(section, channel, channels)
            else:
                self._unknown(section)
        return kinds, channels

    def _of_rule(self, section: Section) -> bool:
        """[schedule night]: one of the named sections of a rule."""
        return hasattr(self.rule_modules.get(section.kind), "SECTION")

    def _unknown(self, section: Section) -> None:
        known = {
            SITE,
            WIRING,
            keep.TITLE,
            pools.KIND,
            alarms.KIND,
            alarms.TITLE,
            *self.rule_modules,
            *catalogue.known("device"),
            *catalogue.known("channel"),
        }
        if section.kind in (SITE, WIRING, keep.TITLE) or section.kind in self.rule_modules:
            text = f"[{section.kind}] takes no name"
        else:
            text = f"nothing is called {section.kind}{nearest(section.kind, known)}"
        self.work.tell(section.line, section.title, "", text)

    def _endpoint(self, section: Section, module: Any) -> Wired:
        filled = self.work.fill(section, module.Options, FleetCommon if module.CAN.fleet else Common)
        if filled.unfilled:
            self._not_yet(section, filled.unfilled)
        if filled.options is None:
            return Wired(section, module, None)
        options = self._with_pools(section, filled.options)
        self._checked(section, module, options)
        live = bool(getattr(options, "live", filled.extra.get("live")))
        every_s = int(getattr(options, "every_s", filled.extra.get("every_s")) or 0)
        rested_s, budget_s = self._rested(section, module, every_s), float(filled.extra.get("budget_s") or 0)
        endpoint = Endpoint(section.kind, section.name, options, live, rested_s, section.line, budget_s)
        return Wired(section, module, endpoint, str(filled.extra.get("through", "")))

    def _with_pools(self, section: Section, options: Any) -> Any:
        """The names of pools are replaced by the pools; none written means every one."""
        declared: Any = type(options)
        for name, (_, about) in catalogue.declared(declared).items():
            if about.kind == "pools":
                entry = section.entries.get(name)
                found = tuple(self.pools.pools.values())
                if entry is not None:
                    found = pools.named(section, entry, getattr(options, name), self.pools, self.work)
                options = options._replace(**{name: found})
        return options

    def _rested(self, section: Section, module: Any, every_s: int) -> int:
        """How often it is asked: never more often than its boards bear."""
        least_s = int(getattr(module, "EVERY_S", 0))
        if 0 < every_s < least_s:
            line = section.entries["every_s"].line if "every_s" in section.entries else section.line
            self.work.note(line, section.title, "every_s", f"counts as {least_s}: its boards are not read more often")
            return least_s
        if every_s > TEXT_MAX_AGE_S and (module.CAN.fleet or module.CAN.outlets) and "every_s" in section.entries:
            line, text = section.entries["every_s"].line, f"what it says of miners counts for {TEXT_MAX_AGE_S} s:"
            self.work.tell(line, section.title, "every_s", f"{text} asked every {every_s} s, they are unknown between")
        return every_s

    def _channel(self, section: Section, module: Any, channels: dict[str, Any]) -> None:
        filled = self.work.fill(section, module.Options)
        if filled.unfilled:
            self._not_yet(section, filled.unfilled)
        if filled.options is not None:
            self._checked(section, module, filled.options)
            channels[section.title] = filled.options

    def _not_yet(self, section: Section, keys: Iterable[str]) -> None:
        self.work.note(section.line, section.title, "", f"not yet active: fill in {', '.join(keys)}")

    def _checked(self, section: Section, module: Any, options: Any) -> None:
        check = getattr(module, "check", None) or getattr(module, "faults", None)  # rules say check, kinds say faults
        if check is None:
            return
        try:
            found = list(check(options))
        except Exception as error:  # noqa: BLE001 - CFG1: a fault in one check must not stop a mine that has run before
            found = [f"{type(error).__name__} in this version's check of it: change back what was changed last in it"]
        self.work.check(section, found)

    def wiring(self, rows: tuple[fleet_file.Row, ...], kinds: dict[str, Wired], options: site.Options) -> Built:
        """The plant."""
        section = self.document.sections.get(WIRING)
        if section is None:
            self.work.tell(0, WIRING, "", "the section is missing")
            section = Section(0, WIRING, "", {})
        return build(section, rows, kinds, Defaults(options.nominal_w, options.standby_w), self.work)

    def rules(self, built: Built) -> dict[str, Any]:
        """Every rule whose inputs exist, with its numbers; the section of a rule without inputs is an error."""
        out: dict[str, Any] = {}
        for name, module in self.rule_modules.items():
            needs, section = getattr(module, "NEEDS", ()), self.document.sections.get(name, Section(0, name, "", {}))
            wired = not needs or any(role in built.wiring.roles for role in needs)
            declared = getattr(module, "Options", None)
            options = None if declared is None else self._filled(section, declared)
            if options is not None:
                self._checked(section, module, options)
            if hasattr(module, "SECTION"):
                options = self._named(name, module, options)
                wired = options is not None
            if wired:
                out[name] = options
            elif section.line and not any(site.word(role) in built.wrong for role in needs):
                self._needless(section, needs, built)
        return out

    def _named(self, name: str, module: Any, options: Any) -> Any:
        """A rule's options with its named sections; None: there is none, so the rule does not exist."""
        found = [one for one in self.document.sections.values() if one.kind == name and one.title != name]
        filled = [(one.name, self._filled(one, module.SECTION)) for one in found]
        for section, (_, own) in zip(found, filled, strict=True):
            if own is not None:
                self._checked(section, module, own)
        known = [(title, own) for title, own in filled if own is not None]
        return module.with_sections(options, known) if known and options is not None else None

    def crossed(self, rules: dict[str, Any], options: site.Options) -> None:
        """What a rule needs from elsewhere: the nominal voltage, the pool that stands in for the internet."""
        if "voltage" in rules and not options.nominal_v:
            line = self.document.sections[SITE].line if SITE in self.document.sections else 0
            text = "is missing: voltage_v is wired, and no voltage can be judged without"
            self.work.tell(line, SITE, "nominal_v", text)
        across.marks(self.document, rules, options, self.work)
        wanted = [("uplinks", "offline_pool", getattr(rules.get("uplinks"), "offline_pool", ""))]
        timed = getattr(rules.get("schedule"), "sections", ())
        wanted += [(f"schedule {one.name}", "pool", one.section.pool) for one in timed]
        for title, option, pool in wanted:
            if pool:
                section = self.document.sections[title]
                pools.named(section, section.entries[option], (pool,), self.pools, self.work)

    def between(self, rules: dict[str, Any], built: Built) -> None:
        """What must be right between a rule's named sections and the rest of the file."""
        if "band" in rules:
            from mine_controller.config import bands  # noqa: PLC0415 - most sites have none

            bands.check(self.document, rules, self.pools, self.work)
            if "price" not in built.wiring.roles:
                line = self.document.sections[f"band {rules['band'].sections[0].name}"].line
                self.work.note(line, "band", "", "decides nothing while [wiring] has no active price")

    def keeping(self) -> keep.Options:
        """[keep]; a site without it has the defaults."""
        section = self.document.sections.get(keep.TITLE)
        options: keep.Options | None = None if section is None else self._filled(section, keep.Options)
        return keep.defaults() if options is None else options

    def _needless(self, section: Section, needs: tuple[str, ...], built: Built) -> None:
        roles = " or ".join(needs)
        if hasattr(self.rule_modules[section.kind], "SECTION"):
            if not any(one.kind == section.kind and one.name for one in self.document.sections.values()):
                text = f"does nothing without a section [{section.kind} NAME]: write one or take it out"
                self.work.tell(section.line, section.title, "", text)
        elif any(site.word(role) in built.pending for role in needs):
            self.work.note(section.line, section.title, "", f"waits: {roles} is not yet active")
        else:
            self.work.tell(section.line, section.title, "", f"has no input: wire {roles} in [wiring] or take it out")

    def require(self, built: Built, options: site.Options) -> None:
        """What `require` (or the profile) names must be there; while in shadow it may still wait to be filled in."""
        section = self.document.sections.get(SITE)
        entry = section.entries.get("require") if section else None
        line = entry.line if entry else section.line if section else 0
        for need in site.required(options):
            if need not in built.wiring.absent or need in built.wrong:
                continue
            if need in built.pending and not options.live:
                self.work.note(line, SITE, "require", f"{need} is not yet active; live = yes needs it")
            else:
                self.work.tell(line, SITE, "require", f"{need} is required, but nothing active in [wiring] provides it")
