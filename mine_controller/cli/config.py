"""`minectl config`: look at config.txt, check it, change it."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, cast

import click

from mine_controller.cli.options import config_as, typed
from mine_controller.cli.output import json_text, safe
from mine_controller.cli.session import Asker, Ended, config_path, tell_news
from mine_controller.config.edit import (
    STARS,
    Change,
    EditError,
    changes,
    diff,
    is_secret,
    problem_lines,
    set_value,
    swap,
    undo,
    unset_value,
)
from mine_controller.config.lines import UNFILLED, decode, nearest
from mine_controller.config.load import build_config, load
from mine_controller.config.model import Config, ConfigError, Problem
from mine_controller.config.news import notes
from mine_controller.config.source import Source, read_source

WIDE = 400  # of a line of a difference
WRONG = 2  # exit code: the config, or what was asked of it, is wrong


@click.group(
    name="config",
    epilog="""\b
Examples:
  minectl config check                            everything that is wrong, at once
  minectl config edit                             a copy in $EDITOR, checked before it counts
  minectl config set site.live yes                one value; `undo` takes it back
  minectl config import old.ini --to config.txt   an older file, converted

\b
Exit: 0 done or good · 2 something in the config, or in what was asked, is wrong""",
)
@config_as("path")
@click.pass_context
def command(context: click.Context, path: Path | None) -> None:
    """Look at config.txt, check it and change it."""
    context.obj = path


def _on_config(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command its --config too, wherever people write it, and hand it the path."""

    def with_path(context: click.Context, given: Path | None, **rest: Any) -> None:
        run(config_path(given or context.obj), **rest)

    handler: Any = wraps(run)(with_path)
    named: Any = config_as("given")
    return cast("Callable[..., None]", named(click.pass_context(handler)))


def fail(problems: tuple[Problem, ...], path: Path) -> NoReturn:
    """Tell every problem and end with exit code 2."""
    for line in problem_lines(problems, path.name):
        click.echo(line, err=True)
    count = len(problems)
    click.echo(f"{count} problem{'s' if count != 1 else ''}; nothing is done with this config.", err=True)
    sys.exit(WRONG)


def refuse(text: str) -> NoReturn:
    """One sentence, exit code 2."""
    click.echo(text, err=True)
    sys.exit(WRONG)


def _load(path: Path) -> Config:
    try:
        return load(path)
    except ConfigError as error:
        fail(error.problems, path)


def _dump(value: Any) -> None:
    click.echo(json_text(value))


def _told(problems: tuple[Problem, ...], name: str) -> list[dict[str, Any]]:
    return [one._asdict() | {"file": one.file or name} for one in problems]


@command.command(
    epilog="""\b
Examples:
  minectl config check             every problem with its line; notes on what takes no part yet
  minectl config check --json
  minectl config --config new.txt check"""
)
@click.option("--json", "as_json", is_flag=True, help="Problems and notes as one JSON object.")
@_on_config
def check(path: Path, as_json: bool) -> None:
    """Tell everything that is wrong, with line numbers; exit 2 when anything is."""
    try:
        config = _whole(path)
    except ConfigError as error:
        if as_json:
            _dump({"ok": False, "config": str(path), "problems": _told(error.problems, path.name), "notes": []})
            sys.exit(WRONG)
        fail(error.problems, path)
    if as_json:
        notes = _told(config.notes, path.name)
        _dump({"ok": True, "config": str(path), "sha": config.sha, "problems": [], "notes": notes})
        return
    for line in problem_lines(config.notes, path.name):
        click.echo(f"note: {line}")
    click.echo(f"{path.name} is good: {_sum_up(config)}")


def _whole(path: Path) -> Config:
    """The config; ConfigError also where its list of miners is gone."""
    from mine_controller.config.lastgood import lost_fleet  # noqa: PLC0415 - imported by the command that uses it

    config = load(path)
    lost = lost_fleet(config)
    if lost is not None:
        raise ConfigError((lost,))
    return config


def _sum_up(config: Config) -> str:
    mode = "live" if config.site.live else "shadow mode (live = no: nothing is sent)"
    wiring = config.policy.wiring
    return f"{len(config.endpoints)} endpoints, {len(wiring.fans)} fans, {len(wiring.miners)} miners, {mode}"


@command.command(
    epilog="""\b
Examples:
  minectl config show | less
  minectl config show --json"""
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_on_config
def show(path: Path, as_json: bool) -> None:
    """Every value that counts, defaults included; secrets are stars."""
    from mine_controller.config.show import page, tree  # noqa: PLC0415 - imported by the command that uses it

    config = _load(path)
    if as_json:
        _dump(tree(config))
    else:
        click.echo(page(config))


@command.command(
    epilog="""\b
Examples:
  minectl config get site.power_cap_kw
  minectl config get "roomalert intake.url" --json"""
)
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_on_config
def get(path: Path, key: str, as_json: bool) -> None:
    """One value, as it counts; a secret is stars."""
    from mine_controller.config.show import text, value  # noqa: PLC0415 - imported by the command that uses it

    try:
        found = value(_load(path), key)
    except EditError as error:
        refuse(f"{error}.")
    if as_json:
        _dump(found)
    else:
        click.echo(text(found))


@command.command(
    name="set",
    epilog="""\b
Examples:
  minectl config set site.power_cap_kw 900
  minectl config set site.live yes
  minectl config set "redfish pdu1.password" file:/etc/minectl/pdu1.secret
  minectl config set "redfish pdu1.password" -      asks for it""",
)
@click.argument("key")
@click.argument("value")
@_on_config
def set_(path: Path, key: str, value: str) -> None:
    """Write one value; comments stay, the result is checked first, `undo` takes it back.

    A secret is better written as file:PATH; `-` as VALUE asks for it without showing it.
    """
    given = typed(key) if value == "-" else value
    _changed(path, lambda: set_value(path, key, given))


@command.command(
    epilog="""\b
Examples:
  minectl config unset temperature.warn_c"""
)
@click.argument("key")
@_on_config
def unset(path: Path, key: str) -> None:
    """Take one line out, so that the default counts."""
    _changed(path, lambda: unset_value(path, key))


def _changed(path: Path, change: Any) -> None:
    before = notes(path)
    try:
        done: Change = change()
    except EditError as error:
        refuse(f"{error}.")
    except ConfigError as error:
        click.echo(f"{path.name} stays as it is, because this would not check:", err=True)
        fail(error.problems, path)
    _audited(path, (done,), "changed", before)


def _audited(path: Path, done: tuple[Change, ...], why: str, before: tuple[Problem, ...]) -> None:
    """Tell each change and what the check notes of it, and ask the next tick to write it into the audit log with the
    name of who made it."""
    for one in done:
        click.echo(f"[{one.section}] {one.option}: {one.old or '(default)'} -> {one.new or '(default)'}")
    tell_news(path, before)
    from mine_controller.ops.replies import tell_changes  # noqa: PLC0415 - imported by the command that uses it

    trouble = tell_changes(path, Asker(), [(f"{one.section}.{one.option}", one.old, one.new) for one in done], why)
    if trouble:
        click.echo(f"The change stands; the audit log could not be told: {trouble}.", err=True)


@command.command(
    name="undo",
    epilog="""\b
Examples:
  minectl config undo      what the last set, unset or edit has changed is as it was
  minectl config undo      and once more: the change is back""",
)
@_on_config
def undo_(path: Path) -> None:
    """Bring back the text before the last change; a second undo is a redo. One that is gone comes back as it ran."""
    before, gone = notes(path), not path.exists()
    try:
        done = undo(path)
    except EditError as error:
        refuse(f"{error}.")
    except ConfigError as error:
        stays = f"{path} is still gone" if gone else f"{path.name} stays as it is"
        click.echo(f"{stays}, because what was before would not check:", err=True)
        fail(error.problems, path)
    click.echo(f"{path.name} is {'back, as it last ran' if gone else 'as it was before the last change'}.")
    _audited(path, done, "undone", before)


@command.command(
    epilog="""\b
Examples:
  minectl config edit
  EDITOR=vi minectl config edit"""
)
@_on_config
def edit(path: Path) -> None:
    """Open a copy in $EDITOR; it replaces config.txt only when it checks.

    What differs is shown; on a terminal it is asked whether to save, to edit on, or to drop it.
    """
    try:
        source = read_source(path)
    except ConfigError as error:
        fail(error.problems, path)
    for cut in path.resolve().parent.glob(".config.*.edit*"):
        click.echo(f"{cut} is of an edit that was cut off or is open: delete it when nobody needs it.", err=True)
    copy = _copied(source, path)
    try:
        while True:
            _open(copy)
            raw = _edited(copy, path)
            if raw == source.config:
                click.echo("Nothing was changed.")
                return
            try:
                build_config(source._replace(config=raw), {})
            except ConfigError as error:
                _again(error.problems, path)
                continue
            if _agreed(source.config, raw, path):
                _replaced(source, raw, copy, path)
                return
    finally:
        if not isinstance(sys.exception(), Ended):  # what somebody has typed is not gone with the line
            copy.unlink(missing_ok=True)


def _copied(source: Source, path: Path) -> Path:
    """A copy for the editor beside config.txt, which only its owner can read (0600)."""
    copy = None
    try:
        handle, name = tempfile.mkstemp(prefix=".config.", suffix=".edit", dir=path.resolve().parent)
        copy = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(source.config)
    except OSError as error:
        if copy is not None:
            copy.unlink(missing_ok=True)
        refuse(f"{path.name} stays as it is: no copy to edit can be written beside it ({error.strerror}).")
    return copy


def _edited(copy: Path, path: Path) -> bytes:
    try:
        return copy.read_bytes()
    except OSError as error:
        refuse(f"{path.name} stays as it is: what the editor left can't be read ({error.strerror}).")


def _agreed(old: bytes, new: bytes, path: Path) -> bool:
    """Show what differs; on a terminal ask whether to save it. False: once more into the editor."""
    tones = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff(old, new):
        click.secho(safe(line, WIDE), fg=tones.get(line[0]))  # colours go where there is no terminal
    if not sys.stdin.isatty():
        return True
    words = click.Choice(["save", "edit", "drop"])
    answer = click.prompt("It checks. What now?", type=words, default="save", err=True)
    return bool(answer == "save") if answer != "drop" else refuse(f"{path.name} stays as it is.")


def _replaced(source: Source, raw: bytes, copy: Path, path: Path) -> None:
    from mine_controller.store.copies import free_name  # noqa: PLC0415 - imported by the command that uses it

    before = notes(path)
    try:
        swap(source, raw)
    except EditError as error:
        refuse(f"{error}. What you wrote is kept as {copy.replace(free_name(path.resolve(), 'edited'))}.")
    click.echo(f"{path.name} is replaced; `minectl config undo` takes it back.")
    _audited(path, changes(source.config, raw), "edited", before)


def _again(problems: tuple[Problem, ...], path: Path) -> None:
    """Tell the problems and ask whether to edit once more; a no ends with everything as it was."""
    for line in problem_lines(problems, path.name):
        click.echo(line, err=True)
    if not sys.stdin.isatty() or not click.confirm("Edit again?", default=True, err=True):
        refuse(f"{path.name} stays as it is.")


def _open(copy: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "nano"
    try:
        done = subprocess.run([*shlex.split(editor), str(copy)], check=False)  # noqa: S603 - the user's own editor
    except (OSError, ValueError) as error:
        refuse(f"{editor} can't be started ({error}): set $EDITOR.")
    if done.returncode:
        refuse(f"{editor} ended with {done.returncode}; nothing was changed.")


@command.command(
    name="import",
    epilog="""\b
Examples:
  minectl config import old.ini                     show what would become of it
  minectl config import old.ini --to config.txt     write it""",
)
@click.argument("old", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), help="Write the new config here (0600).")
@click.option("--site", default="coop-container", show_default=True, help="The template that holds the rest.")
def import_(old: Path, target: Path | None, site: str) -> None:
    """Convert an older config; tells for each key what became of it.

    Without --to nothing is written, and the new text is shown with secrets as stars.
    """
    from mine_controller.config.convert import WHY_NOT, old_to_new  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.sites import InitError, template  # noqa: PLC0415 - the same
    from mine_controller.config.values import Place  # noqa: PLC0415 - the same

    if target is not None and target.exists():
        refuse(f"{target} exists: give another name, nothing is written over.")
    try:
        base = template(site)
        text, wrong = decode(old.read_bytes())
    except (InitError, OSError) as error:
        refuse(f"{old} can't be converted: {error}.")
    if wrong:
        refuse("\n".join(problem_lines(wrong, str(old))))
    done = old_to_new(text, base, Place(old.parent, private=True))
    if not done.carried:
        for left in (one for one in done.left if one.key in WHY_NOT):
            click.echo(f"{left.key} was not carried over because {left.why}", err=True)
        refuse(f"{old} can't be converted: nothing in it is an option of the older forms.")
    for one in done.carried:
        click.echo(f"{one.key} -> [{one.section}] {one.option}", err=True)
    for left in done.left:
        click.echo(f"{left.key} was not carried over because {left.why}", err=True)
    _hand_over(done.text, [(one.section, one.option, one.value) for one in done.carried], target)


def _hand_over(text: str, carried: list[tuple[str, str, str]], target: Path | None) -> None:
    from mine_controller.config.replace import replace_file  # noqa: PLC0415 - the same

    if target is not None:
        try:
            replace_file(target, text.encode(), 0o600)
        except OSError as error:
            refuse(f"{target} can't be written: {error.strerror}.")
        click.echo(f"{target} is written; `minectl config --config {target} check` tells what is still to fill in.")
        from mine_controller.ops.replies import tell_changes  # noqa: PLC0415 - imported by the command that uses it

        named = [(f"{section}.{option}", "", _shown(section, option, value)) for section, option, value in carried]
        tell_changes(target, Asker(), named, "imported")
        return
    for section, option, value in carried:
        text = text.replace(f"{option} = {value}\n", f"{option} = {_shown(section, option, value)}\n")
    click.echo(text, nl=False)


def _shown(section: str, option: str, value: str) -> str:
    return STARS if is_secret(section, option) and value != UNFILLED else value


@command.command(
    epilog="""\b
Examples:
  minectl config sample | less        every section and option, with range and default
  minectl config sample redfish       one kind"""
)
@click.argument("kind", default="")
def sample(kind: str) -> None:
    """Print the sample config of everything, or the section of one kind."""
    from mine_controller.config.sample import kinds  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.config.sample import sample as make  # noqa: PLC0415 - the same

    try:
        click.echo(make(kind), nl=False)
    except KeyError:
        refuse(f"Nothing is called {kind}{nearest(kind, kinds())}.")
