"""The picture in the README, made from the demo: `python bench/picture.py`. Needs chromium; writes docs/page.png.

A simulated day of the co-op container that ends in the afternoon event, so that the page has something to tell.
"""

import shutil
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mine_controller.play import demo
from mine_controller.twin import coop, story

STORIES = Path(story.__file__).parent / "stories"
TARGET = Path(__file__).resolve().parents[1] / "docs" / "page.png"
HOURS = 24
EVENT_AGO_S = 1500  # the event began so long before the picture: curtailed, with its figures on the page


def main() -> None:
    """Live through the day, draw, take the picture."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-picture-"))
    try:
        now_s = int(time.time())
        began = datetime.fromtimestamp(now_s - EVENT_AGO_S, ZoneInfo(coop.ZONE)).strftime("%H:%M")
        text = (STORIES / "coop-day.txt").read_text(encoding="utf-8")
        told = story.parse(text.replace("14:00 signal off", f"{began} signal off"))
        site = coop.build(1, now_s - HOURS * 3600, story=told)
        config = demo.write_config(folder, site)
        demo.live_through(site, config, 1, HOURS, lambda *_: None, guard=False)
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        command += ["--no-first-run", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={folder}/chromium"]
        command += ["--hide-scrollbars", "--window-size=1280,2330", f"--screenshot={TARGET}"]
        subprocess.run([*command, (config.paths.www / "index.html").as_uri()], check=True, capture_output=True)
        print(TARGET)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
