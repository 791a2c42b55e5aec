"""The pages of docs/ that are made out of the program: `python bench/docs.py` writes them, `--check` only compares.

docs/kinds/ has a page for each device kind, out of its declarations; docs/minectl.1 is the help of every command as a
manual page; the table at the end of docs/troubleshooting.md leads from each kind of alarm to what helps.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mine_controller import __version__
from mine_controller.cli.main import group
from mine_controller.config import catalogue, sample
from mine_controller.config.show import text
from mine_controller.config.work import Common, FleetCommon
from mine_controller.core.alarms.advice import ADVICE
from mine_controller.core.alarms.catalogue import KINDS
from mine_controller.core.model.quantity import QUANTITIES, WORDS
from mine_controller.core.option import Option

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TROUBLE = DOCS / "troubleshooting.md"
BEGIN, END = "<!-- made by bench/docs.py -->", "<!-- until here -->"
MADE = "<!-- Made by bench/docs.py out of mine_controller/devices/{name}.py: change that and run it again. -->"
SORTS = (
    ("Miners", lambda can: can.fleet),
    ("Power strips and plugs", lambda can: can.outlets),
    ("Relays, and what is switched on this machine", lambda can: bool(can.verbs)),
    ("Prices", lambda can: "slots" in can.reads),
    ("Pools and their services", lambda can: bool({"best_n", "workers_n", "paid_n", "hashrate_hs"} & set(can.reads))),
    ("Meters, sensors, lines and signals", lambda can: bool(can.reads)),
)


def made() -> dict[Path, str]:
    """Every page and what it should hold."""
    names = catalogue.known("device")
    pages = {DOCS / "kinds" / f"{name}.md": kind_page(name) for name in names}
    return {
        DOCS / "kinds" / "README.md": index_page(names),
        **pages,
        DOCS / "minectl.1": manual(),
        TROUBLE: with_table(TROUBLE.read_text(encoding="utf-8")),
    }


def stale() -> list[Path]:
    """Pages that are not what they should be, and pages of kinds that are gone."""
    pages = made()
    changed = [path for path, page in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != page]
    return changed + [path for path in sorted((DOCS / "kinds").glob("*.md")) if path not in pages]


# -- device kinds -----------------------------------------------------------------------------------------------------


def _module(name: str) -> Any:
    return catalogue.find("device", name)


def _paragraphs(name: str) -> list[str]:
    return [re.sub(r"\s+", " ", part).strip() for part in (_module(name).__doc__ or "").strip().split("\n\n")]


def index_page(names: tuple[str, ...]) -> str:
    """All kinds by sort, each under the first sort that fits."""
    lines = ["<!-- Made by bench/docs.py: run it again after a change of a kind. -->", "# Device kinds", ""]
    lines += [
        "The first word of a config section is the kind that serves it: `[roomalert intake]`. A page each; they are"
    ]
    lines += [
        "made of the same declarations by which `minectl config check` judges a config. A kind that is missing here:"
    ]
    lines += ["[adding a device kind](../adding-a-kind.md).", ""]
    left = list(names)
    for title, fits in SORTS:
        mine = [name for name in left if fits(_module(name).CAN)]
        left = [name for name in left if name not in mine]
        lines += [f"## {title}", "", "| kind | what it is |", "|---|---|"]
        lines += [f"| [`{name}`]({name}.md) | {_cell(_paragraphs(name)[0])} |" for name in mine] + [""]
    return "\n".join(lines).rstrip() + "\n"


def kind_page(name: str) -> str:
    """One kind: what it is, what it reads and takes, its options, a section to paste, what it was recorded with."""
    module = _module(name)
    first, *more = _paragraphs(name)
    parts = [MADE.format(name=name), f"# `{name}`", first, *more]
    parts += ["## What it reads", _reads(module.CAN.reads)]
    parts += ["## What it can be told", *_told(module)]
    parts += ["## Options", _options(module)]
    parts += ["## To paste", _fenced(sample.sample(name).rstrip())]
    if module.CAN.outlets:
        parts += ["An outlet feeds a miner by its name in the column `outlet` of fleet.csv."]
    elif not module.CAN.fleet:
        parts += ["What a channel of it means is said in `[wiring]`: `minectl config sample wiring` shows the roles."]
    parts += ["## Proven with", _cases(name), _trying(name)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _reads(names: tuple[str, ...]) -> str:
    rows = ["| quantity | unit | believed between |", "|---|---|---|"]
    for name in names:
        row = QUANTITIES.get(name)
        if row is not None:
            rows.append(f"| {row.label} (`{name}`) | {row.unit} | {_number(row.low)} to {_number(row.high)} |")
        elif WORDS.get(name):
            rows.append(f"| `{name}` | a word | {', '.join(WORDS[name])} |")
        else:
            rows.append(f"| `{name}` | text | |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e5 <= abs(value) < 1e12 else f"{value:g}"


def _told(module: Any) -> Iterator[str]:
    can, lane = module.CAN, module.LANE
    if not can.verbs:
        yield "Nothing: it is only read."
        return
    yield "Verbs at most (what one unit can is found out): " + ", ".join(f"`{verb}`" for verb in can.verbs) + "."
    if getattr(module, "MODES", None):
        yield "Modes, from least to most power: " + ", ".join(f"`{mode}`" for mode in module.MODES) + "."
    if can.fleet and "stop" in can.verbs:
        yield "Its stop lets the miner finish." if can.gentle else "Its stop is not gentle."
    elif can.fleet:
        yield "It can't be stopped by word: give it an outlet."
    pace = "the whole batch at once" if lane.batch else f"{lane.width} at a time"
    yield f"Pace: {pace}, about {lane.call_s:g} s a call; watts should show it within {lane.proof_s} s."
    waits = [f"read every {module.EVERY_S} s at most"] if getattr(module, "EVERY_S", None) else []
    waits += [f"{module.SETTLE_S} s to settle after a change"] if getattr(module, "SETTLE_S", None) else []
    if waits:
        yield "Patience: " + ", ".join(waits) + "."


def _options(module: Any) -> str:
    own = catalogue.declared(module.Options)
    extra = catalogue.declared(FleetCommon if module.CAN.fleet else Common)
    rows = ["| option | default | may be | what it is |", "|---|---|---|---|"]
    for name, (_, about) in (own | {key: one for key, one in extra.items() if key not in own}).items():
        rows.append(f"| `{name}` | {_default(about)} | {_bounds(about)} | {_cell(about.help)} |")
    return "\n".join(rows)


def _default(about: Option) -> str:
    if about.required:
        return "**needed**"
    default = about.default
    shown = text(list(default) if isinstance(default, tuple) else default)
    return f"`{_cell(shown)}`" if shown else ""


def _bounds(about: Option) -> str:
    if about.choices:
        return ", ".join(f"`{choice}`" for choice in about.choices)
    between = f"{about.low:g} to {about.high:g}" if about.low is not None and about.high is not None else ""
    return f"{between} {about.unit}".strip()


def _cases(name: str) -> str:
    folders = sorted(path.parent.name for path in (ROOT / "tests/cases" / name).glob("*/expected.json"))
    listed = ", ".join(folder.replace("_", " ") for folder in folders)
    return f"Answers kept in [tests/cases/{name}](../../tests/cases/{name}/): {listed}."


def _trying(name: str) -> str:
    lines = [f'    minectl probe "{name} NAME"      # ask it once, and show what is read']
    lines += [f'    minectl record "{name} NAME"     # keep its raw answers, secrets out']
    if hasattr(_module(name), "recognise"):
        lines += ["    minectl discover 10.0.0.0/24    # finds units of this kind by themselves"]
    return "\n".join(lines)


def _fenced(block: str) -> str:
    return f"```ini\n{block}\n```"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


# -- the manual page --------------------------------------------------------------------------------------------------


def manual() -> str:
    """docs/minectl.1 out of the help of every command."""
    context = click.Context(group, info_name="minectl")
    lines = [f'.TH MINECTL 1 "" "minectl {__version__}" "User Commands"', ".SH NAME"]
    lines += [r"minectl \- run a Bitcoin mine that nobody is standing next to", ".SH SYNOPSIS", r".B minectl"]
    lines += [r".I COMMAND", r"[\fIOPTIONS\fR] [\fIARGUMENTS\fR]", ".SH DESCRIPTION"]
    lines += ["Every two minutes a tick reads everything, decides once, acts, proves by measurement, and exits."]
    lines += [
        "The config is named by \\-\\-config, $MINECTL_CONFIG, ./config.txt or /etc/minectl/config.txt, in this order."
    ]
    lines += [".SH COMMANDS"]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            lines += _command(command, name, context)
    lines += [".SH FILES", ".TP", "/etc/minectl/config.txt, fleet.csv", "what the owner writes"]
    lines += [".TP", "/var/lib/minectl", "database, copies, the file \\fIstop\\fR", ".TP", "/run/minectl/www"]
    lines += ["the page", ".TP", "/var/log/minectl/mine.log", "one line an event"]
    return "\n".join(lines) + "\n"


def _command(command: click.Command, name: str, parent: click.Context) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f".SS {_roff(context.command_path)} {_roff(usage)}", _roff(_words(command.help or ""))]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in record[0]:
            lines += [".TP", f"\\fB{_roff(record[0])}\\fR", _roff(_words(record[1]))]
    lines += [line for part in (command.epilog or "").split("\n\n") for line in _epilog(part)]
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            below = command.get_command(context, verb)
            if below is not None and not below.hidden:
                lines += _command(below, verb, context)
    return lines


def _epilog(part: str) -> list[str]:
    """One paragraph of what stands below the options; behind a mark of click its lines stay as they are."""
    kept = part.lstrip("\n").startswith("\b")
    words = part.replace("\b", "").strip("\n")
    if not words.strip():
        return []
    return [".PP", ".nf", *map(_roff, words.splitlines()), ".fi"] if kept else [".PP", _roff(_words(words))]


def _words(words: str) -> str:
    return re.sub(r"\s+", " ", words.replace("\b", "")).strip()


def _roff(line: str) -> str:
    """Text that no dot, quote or backslash makes into a request."""
    safe = line.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{safe}" if safe.startswith((".", "'")) else safe


# -- from an alarm to what helps --------------------------------------------------------------------------------------


def sections(page: str) -> dict[str, str]:
    """Alarm kind -> anchor of the section that names it in a line `Alarms: ...`. ValueError for one named twice."""
    found: dict[str, str] = {}
    anchor = ""
    for line in page.partition(BEGIN)[0].splitlines():
        if line.startswith("## "):
            anchor = re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).strip().replace(" ", "-")
        elif line.startswith("Alarms: "):
            for kind in re.findall(r"`(\w+)`", line):
                if kind in found:
                    raise ValueError(f"{kind} stands under two headings")
                found[kind] = anchor
    return found


def with_table(page: str) -> str:
    """The page with its table made anew."""
    where = sections(page)
    rows = [BEGIN, "", "| alarm | level | what it means | what minectl does | you |", "|---|---|---|---|---|"]
    for name in sorted(KINDS):
        cause, does, owner = ADVICE[name]
        link = f"[{name}](#{where[name]})" if name in where else name
        rows.append(f"| {link} | {KINDS[name].severity} | {_cell(cause)} | {_cell(does)} | {_cell(owner)} |")
    return page.partition(BEGIN)[0] + "\n".join([*rows, "", END]) + page.partition(END)[2]


def main(words: list[str]) -> int:
    """Write what is not current, or with --check name it. Exit 1: something was not."""
    old = stale()
    if "--check" in words:
        for path in old:
            print(f"{path.relative_to(ROOT)} is not current: python bench/docs.py")
        return 1 if old else 0
    pages = made()
    for path in old:
        if path in pages:
            path.parent.mkdir(exist_ok=True)
            path.write_text(pages[path], encoding="utf-8")
        else:
            path.unlink()
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
