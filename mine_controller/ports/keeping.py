"""Once an hour, after everything else of a tick: the newest copy opened, a whole one made when it is due, old ones let
go, the owner's program told; requests answered more than a week ago let go. It lives on the tick's spare time: a
person's command, a stop or the tick's own end cuts it short, and the next hour tries again. Whatever fails of the
copies is an event, a line in the log, and an alarm until an hour goes well.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mine_controller.config.kept import texts
from mine_controller.config.model import Config, Paths
from mine_controller.core.model.reason import Event, Reason
from mine_controller.notify.message import one_line
from mine_controller.notify.post import scrub
from mine_controller.ports.kept import HOUR_S, Kept, is_due, read_kept, write_kept
from mine_controller.ports.log import Log
from mine_controller.ports.tell import hidden
from mine_controller.store import rotation
from mine_controller.store.copies import back_up, read_files
from mine_controller.store.db import StoreError, StoreTrouble
from mine_controller.store.inbox import let_go
from mine_controller.store.note import note
from mine_controller.store.putback import judge
from mine_controller.store.stop import stop_requested

if TYPE_CHECKING:
    import subprocess

LOOK_S = 0.2
TOLD_MOST = 400  # letters of the program's output that reach the log
OUTPUT_MOST = 64 * 1024
MB, GB = 1_000_000, 1_000_000_000
Hurried = Callable[[], str]


def spare_until(left_s: float) -> float:
    """The end (monotonic) of the tick's spare time; a fast site has a second at least."""
    return time.monotonic() + max(1.0, left_s)


def watch(paths: Paths, ended: Callable[[], bool]) -> Hurried:
    """What says why to stop: the stop file, a request of a person since now, the end of this process."""
    stopped, inbox = stop_requested(paths) is not None, _stamp(paths.inbox)

    def hurried() -> str:
        if ended():
            return "the tick was told to end"
        if (stop_requested(paths) is not None) != stopped:
            return "an emergency stop was asked for or ended"
        return "a person asked for something" if _stamp(paths.inbox) != inbox else ""

    return hurried


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def keep(config: Config, log: Log, now_s: int, until: float, hurried: Hurried = lambda: "") -> None:
    """Keep, when a new hour has begun; `hurried` says why to stop at once, "" to go on. `until` is monotonic.

    The caller holds the lock and has saved. Raises nothing that a disk or the owner's program can cause.
    """
    if not is_due(config.paths, now_s):
        return
    before = read_kept(config.paths)
    work = _Work(config, log, now_s, until, hurried)
    after = work.hour(before)
    try:
        write_kept(config.paths, after._replace(trouble=one_line("; ".join(work.trouble), TOLD_MOST)))
    except OSError as error:
        work.trouble.append(f"{config.paths.backups} can't be written: {error.strerror}")
    work.tell()


def clear_inbox(config: Config, log: Log, now_s: int) -> None:
    """Let go the requests that were answered long ago; the caller makes sure that `now_s` is to be believed.

    The last work of the hour: `watch` would take the changed file for a person's request.
    """
    try:
        gone = let_go(config.paths, now_s)
    except StoreTrouble as trouble:  # nothing depends on it, and the next hour tries again
        log.say(now_s, "WARN", "inbox", text=f"old requests can't be let go: {trouble.text}")
        return
    if gone:
        log.say(now_s, "INFO", "inbox", text=f"{gone} requests let go that were answered more than a week ago")


class _Work:
    """One hour's keeping."""

    def __init__(self, config: Config, log: Log, now_s: int, until: float, hurried: Hurried) -> None:
        self.config, self.log, self.now_s, self.until, self.hurried = config, log, now_s, until, hurried
        self.folder, self.options = config.paths.backups, config.keep
        self.trouble: list[str] = []

    def hour(self, before: Kept) -> Kept:
        made = self._verified(before)
        after = before._replace(hour=self.now_s // HOUR_S)
        try:
            whole, after = self._whole(after)
            made = whole or made
            rotation.rotate(self.folder, self._counts(), self._room())
        except OSError as error:
            self.trouble.append(f"{self.folder}: {error.strerror or error}")
        if made is not None and self.options.after_backup:
            try:
                self._hand_over(made)
            except OSError as error:  # no room for its output; unnoted, this hour would be kept again at every tick
                self.trouble.append(f"{self.options.after_backup} can't be run: {error.strerror or error}")
        return after

    def _verified(self, before: Kept) -> Path | None:
        """The copy the tick has made as it saved, opened and looked at."""
        path = self.folder / f"hour-{self.now_s // HOUR_S % 24:02d}.db"
        try:
            age_s = self.now_s - int(path.stat().st_mtime)
        except OSError:
            age_s = 0 if not before.hour else HOUR_S  # the first tick of all has no state before it to copy
            if not before.hour:
                return None
        if abs(age_s) >= 24 * HOUR_S or (age_s >= HOUR_S and not path.exists()):
            self.trouble.append(f"there is no copy of this hour ({path.name})")
            return None
        found = judge(path)
        if found.why:
            self.trouble.append(f"{path.name} can't be trusted: {found.why}")
            return None
        return path

    def _counts(self) -> dict[str, int]:
        options = self.options
        return {"hour": options.hourly, "day": options.daily, "week": options.weekly, "month": options.monthly}

    def _room(self) -> int:
        if self.options.room_gb:
            return int(self.options.room_gb) * GB
        disk = os.statvfs(self.folder)
        return disk.f_blocks * disk.f_frsize // 4

    def _whole(self, after: Kept) -> tuple[Path | None, Kept]:
        """A whole copy, where one is due; one cut short is tried again next hour."""
        size = self.config.paths.db.stat().st_size
        apart_s = rotation.interval_s(size, self.options.write_mb_a_day * MB)
        if 0 <= self.now_s - after.whole_at < apart_s - HOUR_S // 2:
            return None, after
        path = self.folder / rotation.names_of(self.now_s)["day"]
        try:
            files = {**read_files(self.config.paths.beside), **texts(self.config)}
            back_up(self.config.paths.db, path, files, self._step)
            self._trusted(path)
        except StoreTrouble as trouble:
            return self._not_whole(trouble, after)
        rotation.stands_for(path, self._counts(), self.now_s)
        self.log.say(self.now_s, "INFO", "backup", file=path.name, mb=round(size / MB, 1), ticks="verified")
        return path, after._replace(whole_at=self.now_s, cut=0)

    def _trusted(self, path: Path) -> None:
        found = judge(path, ended=lambda: bool(self._late()))
        if found.why and self._late():
            raise StoreTrouble("late", f"{path.name}: {found.why}")
        if found.why:
            path.unlink(missing_ok=True)
            raise StoreTrouble("corrupt", f"{path.name}: {found.why}")

    def _not_whole(self, trouble: StoreTrouble, after: Kept) -> tuple[None, Kept]:
        """What could not be made has changed nothing: a copy of this name that is there is an earlier, good one."""
        if trouble.kind != "late":
            self.trouble.append(trouble.text)
            return None, after
        cut = after.cut + 1
        if cut % 24 == 0:  # a person who types something now and then is no trouble; a day without a whole copy is
            self.trouble.append(f"no whole copy for {cut} hours ({trouble.text}); `minectl backup` makes one by hand")
        self.log.say(self.now_s, "INFO", "backup", text=f"whole copy put off: {trouble.text}")
        return None, after._replace(cut=cut)

    def _late(self) -> str:
        return self.hurried() or ("" if time.monotonic() < self.until else "the tick's spare time is over")

    def _step(self, remaining: int, total: int) -> None:
        why = self._late()
        if why and remaining:
            raise StoreTrouble("late", f"{100 * (total - remaining) // max(1, total)} % copied when {why}")

    # -- the owner's program ------------------------------------------------------------------------------------

    def _hand_over(self, path: Path) -> None:
        """Run it with the path as its one argument: no shell, no secrets in its surroundings, ended in time."""
        import subprocess  # noqa: PLC0415 - most ticks keep nothing, and few sites have a program
        import tempfile  # noqa: PLC0415 - the same

        ends = min(self.until, time.monotonic() + self.options.after_backup_s)
        with tempfile.TemporaryFile() as output:
            try:
                child = subprocess.Popen(  # noqa: S603 - the owner's own program; no shell reads the line
                    [self.options.after_backup, str(path)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    env={name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ},
                    start_new_session=True,
                )
            except OSError as error:
                self.trouble.append(f"{self.options.after_backup} can't be run: {error.strerror}")
                return
            ended = self._wait(child, ends)
            output.seek(0)
            said = one_line(scrub(output.read(OUTPUT_MOST).decode("utf-8", "replace"), hidden(self.config)), TOLD_MOST)
        if ended and self.hurried():
            self.log.say(self.now_s, "INFO", "after_backup", file=path.name, text=f"ended early: {ended}")
        elif ended or child.returncode:
            why = ended or f"ended with {child.returncode}"
            self.trouble.append(
                f"{Path(self.options.after_backup).name} {why} for {path.name}: {said or 'said nothing'}"
            )
        else:
            self.log.say(self.now_s, "INFO", "after_backup", file=path.name, text=said)

    def _wait(self, child: "subprocess.Popen[bytes]", ends: float) -> str:
        """Why it was ended before it ended by itself, or ""."""
        import subprocess  # noqa: PLC0415 - see its caller

        while True:
            why = self.hurried() or ("" if time.monotonic() < ends else "took too long and was ended")
            try:
                child.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                if not why:
                    continue
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                return why
            return ""

    def tell(self) -> None:
        """A row in the log of events for each trouble; the alarm stands as long as `kept.json` says so (`own`)."""
        if not self.trouble:
            return
        events = [
            Event("backup_failed", "warning", "store", Reason("store", "backup_failed", (("text", text),)))
            for text in self.trouble
        ]
        self.log.events(self.now_s, self.now_s, events)
        try:
            note(self.config.paths, events, self.now_s)
        except (StoreTrouble, StoreError) as trouble:
            self.log.say(self.now_s, "ERROR", "database", text=str(trouble))
