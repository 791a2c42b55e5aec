"""The one function that finds the files beside the code: templates/, www/, sites/, cron/."""

import sys
from pathlib import Path


def packaged(what: str) -> Path:
    """The folder `what`: at the top of a clone, or under share/minectl of an installation.

    FileNotFoundError when it is at neither place: the installation is broken.
    """
    for folder in (Path(__file__).resolve().parents[1] / what, Path(sys.prefix) / "share" / "minectl" / what):
        if folder.is_dir() and any(folder.iterdir()):
            return folder
    raise FileNotFoundError(2, f"{what}/ is missing: install minectl again", what)
