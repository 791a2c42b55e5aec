"""The pictures of docs/, made from the demos: `python bench/picture.py [SITE...]`. Needs chromium.

A simulated day of each site; the co-op container's ends in the afternoon event, so that the page has something to tell.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mine_controller.play import demo
from mine_controller.twin import coop, story
from mine_controller.twin.site import Site

STORIES = Path(story.__file__).parent / "stories"
DOCS = Path(__file__).resolve().parents[1] / "docs"
HOURS = 24
EVENT_AGO_S = 1500  # the event began so long before the picture: curtailed, with its figures on the page
DARK = "--blink-settings=preferredColorScheme=0"
# site -> (file, page, width, height, more): the pictures that are taken of it
PICTURES = {
    "coop-container": (
        ("page.png", "index.html", 1280, 2330, ()),
        ("page-dark.png", "index.html", 1280, 1150, (DARK,)),
        ("page-fleet.png", "fleet.html", 1280, 900, ()),
    ),
    "offgrid-container": (("page-offgrid.png", "index.html", 1280, 1500, ()),),
    "home-fleet": (("page-home.png", "index.html", 1280, 1300, ()),),
    "agile-home": (("page-agile.png", "index.html", 1280, 1300, ()),),
}


def build(kind: str, now_s: int) -> Site:
    """The twin whose history ends now."""
    if kind != "coop-container":
        return demo.SITES[kind](1, now_s - HOURS * 3600)
    began = datetime.fromtimestamp(now_s - EVENT_AGO_S, ZoneInfo(coop.ZONE)).strftime("%H:%M")
    text = (STORIES / "coop-day.txt").read_text(encoding="utf-8")
    told = story.parse(text.replace("14:00 signal off", f"{began} signal off"))
    return coop.build(1, now_s - HOURS * 3600, story=told)


def take(page: Path, target: Path, width: int, height: int, more: tuple[str, ...]) -> None:
    """One picture, of the page as it was written: without its script it does not grow old while the next are taken."""
    still = page.with_name(f"still-{page.name}")
    still.write_text(re.sub(r"<script[^>]*></script>|<noscript>.*?</noscript>", "", page.read_text()))
    with tempfile.TemporaryDirectory(prefix="minectl-chromium-") as profile:
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        command += ["--no-first-run", "--disable-component-update", "--disable-sync", "--hide-scrollbars", *more]
        command += [f"--user-data-dir={profile}", f"--window-size={width},{height}", f"--screenshot={target}"]
        subprocess.run([*command, still.as_uri()], check=True, capture_output=True)
    print(target)


def main() -> None:
    """Live through a day of each site asked for (all of them), draw, take the pictures."""
    for kind in sys.argv[1:] or PICTURES:
        folder = Path(tempfile.mkdtemp(prefix="minectl-picture-"))
        try:
            site = build(kind, int(time.time()))
            config = demo.write_config(folder, site)
            demo.live_through(site, config, 1, HOURS, lambda *_: None, guard=False)
            for name, page, width, height, more in PICTURES[kind]:
                take(config.paths.www / page, DOCS / name, width, height, more)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
