"""The complete site templates under sites/, and `init`, which makes a folder to run a mine in from one."""

from pathlib import Path

from mine_controller.config.fleet import COLUMNS
from mine_controller.config.replace import replace_file
from mine_controller.packaged import packaged

CONFIG, FLEET, WWW = "config.txt", "fleet.csv", "www"


class InitError(Exception):
    """The folder can't be made; the text is one sentence with the remedy."""


def folder() -> Path:
    """Where the templates lie: beside the package in a clone, under share/minectl of an installation."""
    return packaged("sites")


def names() -> tuple[str, ...]:
    """The sites there are templates for."""
    return tuple(sorted(path.parent.name for path in folder().glob(f"*/{CONFIG}")))


def template(site: str, file: str = CONFIG) -> str:
    """The text of a site's config.txt or fleet.csv; InitError names the sites there are."""
    if site not in names():
        raise InitError(f"there is no site {site}: choose one of {', '.join(names())}")
    path = folder() / site / file
    return path.read_text(encoding="utf-8") if path.exists() else ",".join(COLUMNS) + "\n"


def init(site: str, target: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write config.txt (0600), fleet.csv and www/ into the folder; one that holds anything is refused unless `force`.

    With `force` files that are there already stay as they are: a person's fleet.csv is never written over.
    """
    text, listed = template(site), template(site, FLEET)
    try:
        if target.is_dir() and any(target.iterdir()) and not force:
            raise InitError(f"{target} is not empty: choose another folder, or --force to add what is missing")
        target.mkdir(parents=True, exist_ok=True)
        made = []
        for name, content, mode in ((CONFIG, text, 0o600), (FLEET, listed, 0o644)):
            if not (target / name).exists():
                replace_file(target / name, content.encode(), mode)
                made.append(target / name)
        if not (target / WWW).exists():
            (target / WWW).mkdir()
            made.append(target / WWW)
    except OSError as error:
        raise InitError(f"{target} can't be written: {error.strerror}") from None
    return tuple(made)
