"""One call of the command line: which config, who is asking, how it fails in one sentence. Without click: see start."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mine_controller.config.model import Config, ConfigError, Problem

if TYPE_CHECKING:
    from mine_controller.store.db import Paths
    from mine_controller.store.note import Who


class Ended(BaseException):
    """Told to end by this signal (`main`)."""


def paths_of(config: Path | None, db: Path | None) -> "Paths":
    """Where the files of the site lie; with `db` that file alone, and no config is needed."""
    from mine_controller.store.db import Places  # noqa: PLC0415 - imported by the commands that use it

    if db is None:
        return load_config(config, last_good=True).paths
    return Places.under(db.absolute().parent / "none")._replace(db=db)


def config_path(given: Path | None) -> Path:
    """The config file: as given, $MINECTL_CONFIG, ./config.txt, /etc/minectl/config.txt."""
    if given is not None:
        return given
    named = os.environ.get("MINECTL_CONFIG")
    if named:
        return Path(named)
    is_here = os.path.exists("config.txt")  # noqa: PTH110 - False, too, where the folder one stands in is closed
    return Path("config.txt" if is_here else "/etc/minectl/config.txt")


def load_config(given: Path | None, *, last_good: bool = False) -> Config:
    """The config, or exit 2 with every problem. `last_good`: a broken file gives way to the last one that ran."""
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415
    from mine_controller.config.load import load  # noqa: PLC0415

    path = config_path(given)
    try:
        return load_or_last_good(path) if last_good else load(path)
    except ConfigError as error:
        tell_problems(path, error.problems)
        sys.exit(2)


def tell_problems(path: Path, problems: tuple[Problem, ...]) -> None:
    """One line a problem, on stderr."""
    from mine_controller.config.edit import problem_lines  # noqa: PLC0415

    say("\n".join(problem_lines(problems, str(path))))


def news_of(path: Path, before: tuple[Problem, ...]) -> list[str]:
    """What the check notes after a change and did not note before it, as `config check` has it."""
    from mine_controller.config.edit import problem_lines  # noqa: PLC0415 - imported by the commands that change it
    from mine_controller.config.news import fresh, notes  # noqa: PLC0415 - the same

    return problem_lines(fresh(before, notes(path)), path.name)


def tell_news(path: Path, before: tuple[Problem, ...]) -> None:
    """The same on stdout."""
    for line in news_of(path, before):
        print(f"note: {line}")


def say(text: str) -> None:
    """A line or several on stderr, for whoever listens: a service may have been started without it."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def place_for(name: str, paths: "Paths") -> Path:
    """A new file's place: here, or beside the database where this user may not write here.

    `sudo minectl` is the user of the ticks, and stands in the home of whoever typed it.
    """
    return Path(name) if os.access(".", os.W_OK | os.X_OK) else paths.db.absolute().parent / name


def fail(sentence: str, code: int = 1) -> NoReturn:
    """One sentence on stderr, and the exit code."""
    say(f"minectl: {sentence}")
    sys.exit(code)


class Asker:
    """Who is at the command line: for the audit row."""

    def __init__(self) -> None:
        self.uid = os.getuid()
        named = (os.environ.get(name) for name in ("SUDO_USER", "LOGNAME", "USER"))
        self.actor = next(filter(None, named), "") or user_name(self.uid)
        try:
            self.tty = os.ttyname(0)
        except OSError:
            self.tty = ""

    @property
    def who(self) -> "Who":
        """The same, for a command that writes its own row."""
        from mine_controller.store.note import Who  # noqa: PLC0415 - imported by the commands that use it

        return Who(self.actor, self.uid, self.tty)


def user_name(uid: int) -> str:
    """What this machine calls a user."""
    import pwd  # noqa: PLC0415 - only where the environment names nobody

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)  # a user that this machine does not know: a container's, or one that was deleted
