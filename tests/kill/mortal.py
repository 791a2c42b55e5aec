"""A small twin whose ticks may die: every tick is a process of its own that kills itself (SIGKILL) where it is told.

The world outlives its controller: it is written down at the moment of death, as a mine goes on when its computer stops.
Ticks are real ones (lock, store, journal, outbox, delivery); the devices are the twin's, and the one channel is a file
to which each message is appended the moment it has gone out.

Run as a program it prints one JSON object a trial: `mortal.py FOLDER boundaries PART PARTS` or
`mortal.py FOLDER random KILLS SEED`.
"""

import json
import os
import pickle
import random
import re
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from mine_controller.config.load import load
from mine_controller.notify import deliver
from mine_controller.notify.message import Sent
from mine_controller.play import demo
from mine_controller.play.twin import Virtual
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import ports_of
from mine_controller.ports.tell import tell
from mine_controller.store import query
from mine_controller.store.db import reading
from mine_controller.tick import tick
from mine_controller.twin import coop, story

STORY = """title Deaths
date 2026-07-15
weather july

13:03 fan 4 break
13:05 signal off for 4m
13:31 signal off for 9m
14:02 signal off for 20m
14:50 signal off for 30m
00:00 miner a003 mute
"""
TICK_S = 120
NEVER = 10**12
ROUTE = "\n[discord]\nwebhook = http://127.0.0.1:9/hook\nleast = info\n\n[end]\n"


class Mortal(Virtual):
    """The twin's ports, with a real delivery."""

    def tell(self, book, journal):
        if journal.letters or journal.unsaved:
            tell(self.config, journal, self.log, int(self.clocks.sources.wall_s()), float("inf"))


# -- death ------------------------------------------------------------------------------------------------------------


class Death:
    """Kills this process at call number `at`: a call through Ports, or any call of Python at all. 0: never."""

    def __init__(self, folder, live, began_s, at):
        self.folder, self.live, self.began_s, self.at, self.count = folder, live, began_s, at, 0
        self.names = []

    def comes(self):
        sys.setprofile(None)
        write_world(self.folder, self.live.site, self.began_s)
        os.kill(os.getpid(), signal.SIGKILL)

    def passed(self, name):
        self.count += 1
        self.names.append(name)
        if self.count == self.at:
            self.comes()

    def watch(self, frame, event, arg):
        """For sys.setprofile. Inside the world nobody dies: it is no part of the controller."""
        del arg
        if event not in ("call", "c_call"):
            return
        self.count += 1
        if self.count >= self.at and not in_the_world(frame):
            self.comes()


def in_the_world(frame):
    while frame is not None:
        if "/mine_controller/twin/" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def numbered(ports, death):
    """The ports, each call through them counted."""

    def counted(name, call):
        def called(*args):
            death.passed(name)
            return call(*args)

        return called

    @contextmanager
    def lock():
        death.passed("lock")
        with ports.lock():
            yield
            death.passed("unlock")

    store = ports.store
    for name in ("load", "requests", "journal", "save", "mark"):
        setattr(store, name, counted(name, getattr(store, name)))
    others = {name: counted(name, getattr(ports, name)) for name in ("clock", "ask", "act", "wait")}
    after = {name: counted(name, getattr(ports, name)) for name in ("show", "tell", "ping")}
    return ports._replace(lock=lock, store=store, **others, **after)


# -- the world and its ticks ------------------------------------------------------------------------------------------


def write_world(folder, site, began_s):
    (folder / "world").write_bytes(pickle.dumps((site, began_s)))


def read_world(folder):
    return pickle.loads((folder / "world").read_bytes())


def start(folder):
    told = story.parse(STORY)
    site = coop.build(1, told.start_wall_s() + 13 * 3600, story=told, miners=6, pdus=1, extras=False)
    config = demo.write_config(folder, site)
    path = config.paths.config
    path.write_text(path.read_text().replace("\n[end]\n", ROUTE))
    write_world(folder, site, site.plant.now_s - TICK_S)


def run_tick(folder, at, mode):
    """One tick in this process, which may be its end. Gives the names of the ports called."""
    site, last_s = read_world(folder)
    live = Mortal(load(folder / "config.txt"), site)
    live.now_s = max(live.now_s, last_s + TICK_S)
    began_s = live.now_s
    site.advance(began_s)
    death = Death(folder, live, began_s, at if mode == "ports" else 0)
    ports = numbered(ports_of(live, Journal(live.config, live.clocks, live.log)), death)
    deliver.post = recorder(folder / "told.jsonl", death)
    if mode == "any":
        whole = Death(folder, live, began_s, at)
        sys.setprofile(whole.watch)
    tick(ports, live.config.policy)
    sys.setprofile(None)
    site.advance(max(live.now_s, began_s))
    write_world(folder, site, began_s)
    return death.names if mode == "ports" else whole.count


def recorder(path, death):
    def post(calls, until, secrets=()):
        del until, secrets
        death.passed("post")
        with path.open("a") as file:
            for call in calls:
                file.write(json.dumps([call.message.id, call.message.text]) + "\n")
        death.passed("posted")
        return {call.title: Sent(ok=True) for call in calls}

    return post


def live_one(folder, at=0, mode="ports"):
    """A tick in a process of its own; True when it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            calls = run_tick(folder, at, mode)
            (folder / "calls").write_text(json.dumps(calls))
        except BaseException as error:  # noqa: BLE001 - the fork ends here; the test hears of it
            (folder / "failed").write_text(f"{type(error).__name__}: {error}")
            os._exit(1)
        os._exit(0)
    code = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(code) and os.WTERMSIG(code) == signal.SIGKILL:
        return False
    if code:
        raise RuntimeError((folder / "failed").read_text())
    return True


def copied(folder, to):
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.ballast", "www"))
    path = to / "config.txt"
    path.write_text(path.read_text().replace(str(folder), str(to)))
    path.chmod(0o600)
    return to


# -- what came of it --------------------------------------------------------------------------------------------------


def judged(folder):
    """What stands in the files of a site after all its deaths."""
    paths = load(folder / "config.txt").paths
    with reading(paths.db) as db:
        sound = db.execute("PRAGMA integrity_check").fetchone()[0]
        letters = db.execute("SELECT id, key, body, told_at, tries FROM outbox ORDER BY id").fetchall()
    went = [json.loads(line) for line in (folder / "told.jsonl").read_text().splitlines()]
    sent = [number for ids, _ in went for number in numbers(ids)]
    bodies = [json.loads(body) for _, _, body, *_ in letters]
    found = query.last_book(paths, "twin", load(paths.config).sha)
    return {
        "sound": sound,
        "trouble": list(found.trouble),
        "broken": query.broken_event(paths),
        "open": [key for _, key, _, told_at, _ in letters if told_at is None],
        "lost": sorted({number for number, key, *_, tries in letters if not over(key, tries)} - set(sent)),
        "strange": sorted(set(sent) - {number for number, *_ in letters}),
        "twice": len(sent) - len(set(sent)),
        "letters": sorted(f"{one['what']} {one['kind']} {one['about']}" for one in bodies),
        "events": sorted(f"{one.kind} {one.about}" for one in query.events(paths, limit=10_000)),
        "mode": found.book.state.mode,
    }


def over(key, tries):
    """True for a heartbeat that nobody lived to send while it was one: it ends with its time, and only it does."""
    return key.startswith("heartbeat.") and "over" in json.loads(tries)[-1]


def numbers(ids):
    """The letters an id names: "#12 #14-#17"."""
    for first, last in re.findall(r"#(\d+)(?:-#?(\d+))?", ids):
        yield from range(int(first), int(last or first) + 1)


# -- trials -----------------------------------------------------------------------------------------------------------

BEFORE, AFTER = 3, 8  # ticks before the one that curtails, and after it until all is told


def boundaries(folder, part, parts):
    """A kill at every call through Ports of the tick that curtails; first the same without any."""
    start(folder)
    for _ in range(BEFORE):
        live_one(folder)
    whole = copied(folder, folder.parent / "whole")
    live_one(whole)
    calls = json.loads((whole / "calls").read_text())
    for _ in range(AFTER):
        live_one(whole)
    print(json.dumps({"at": 0, "calls": calls, **judged(whole)}), flush=True)
    for at in range(1 + part, len(calls) + 1, parts):
        trial = copied(folder, folder.parent / f"trial{at}")
        died = not live_one(trial, at)
        for _ in range(AFTER):
            live_one(trial)
        print(json.dumps({"at": at, "name": calls[at - 1], "died": died, **judged(trial)}), flush=True)
        shutil.rmtree(trial)


def at_random(folder, kills, seed):
    """One life with `kills` deaths in it, each at a random call of Python, C or SQLite's; then peace."""
    start(folder)
    live_one(folder, NEVER, "any")
    dice, done, ticks, longest = random.Random(seed), 0, 0, 0
    while done < kills:
        last = json.loads((folder / "calls").read_text())
        longest = max(longest, last)
        done += not live_one(folder, dice.randrange(1, dice.choice((last, last, longest))), "any")
        ticks += 1
    for _ in range(AFTER):
        live_one(folder)
    print(json.dumps({"kills": done, "ticks": ticks, "longest": longest, **judged(folder)}), flush=True)


def main(folder, how, *numbers):
    folder = Path(folder)
    warm = folder / "warm"
    warm.mkdir(parents=True)
    start(warm)
    for _ in range(4):  # imports are paid here, before any fork
        run_tick(warm, 0, "ports")
    {"boundaries": boundaries, "random": at_random}[how](folder / "site", *map(int, numbers))


if __name__ == "__main__":
    main(*sys.argv[1:])
