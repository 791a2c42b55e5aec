"""A collector in a thread, and what the tick would read of it."""

import json
import threading
from contextlib import contextmanager

from mine_controller.collect import process
from mine_controller.wire import collected
from mine_controller.wire.door import WireError

SECTION = "mqtt supply"


class Run:
    """A collector in a thread."""

    def __init__(self, file):
        self.file, self.said, self.ended, self.over = file, [], threading.Event(), []

    def told(self):
        try:
            return json.loads(collected.exchange(self.file, SECTION).body)
        except WireError as error:
            return {"line": error.why, "pushed": []}

    def line(self):
        return self.told()["line"]

    def bodies(self):
        return {(one["source"], one["retained"]): one["body"] for one in self.told()["pushed"]}

    def is_heard(self):
        return self.line() == ""


@contextmanager
def collecting(folder, stirred=lambda: False, address="", **hears):
    run = Run(folder / "collect.db")
    sections = {name.replace("_", " "): hear for name, hear in hears.items()}

    def work():
        run.over.append(process.run(sections, run.file, run.ended, stirred, run.said.append, address))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield run
    finally:
        run.ended.set()
        thread.join(10)
        assert not thread.is_alive()
