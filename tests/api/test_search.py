"""Searches: a process of their own, told step by step."""

import subprocess
import sys

import pytest
from api.served import Served

SAYS = """\
import sys
print("PROGRESS 0 40", file=sys.stderr)
print("PROGRESS 30 40", file=sys.stderr, flush=True)
sys.stdin.readline() if False else None
print('{"addresses": 4, "found": [{"address": "127.0.0.9", "state": "new"}]}')
"""
FAILS = "import sys; print('minectl: nothing could be searched', file=sys.stderr); sys.exit(1)"
HANGS = "import threading; threading.Event().wait()"


def started(script, seen):
    def start(config, words):
        del config
        seen.append(words)
        return subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


@pytest.fixture
def seen():
    return []


def finished(served, job):
    served.state.jobs.get(job).reader.join(30)
    return served.get(f"/api/discover/{job}").json()


def test_a_search_is_started_and_asked_after(place, seen):
    served = Served(place, searching=started(SAYS, seen))
    done = served.post("/api/discover", {"subnet": "127.0.0.0/29"})
    assert done.status_code == 202
    found = finished(served, done.json()["job"])
    assert (found["state"], found["percent"], found["doors_done"], found["doors"]) == ("done", 100, 30, 40)
    assert found["result"]["found"][0]["address"] == "127.0.0.9"
    assert seen == [["127.0.0.0/29"]]
    assert [(one.verb, *one.args) for one in place.requests()] == [("tick", "discover", "127.0.0.0/29")]


def test_a_search_that_fails_says_why(place, seen):
    served = Served(place, searching=started(FAILS, seen))
    found = finished(served, served.post("/api/discover").json()["job"])
    assert (found["state"], found["error"]) == ("failed", "minectl: nothing could be searched")


def test_a_search_that_could_add_nobody_is_done_and_says_who_and_why(place, seen):
    script = """import sys; print('{"found": [], "not_added": [{"address": "127.0.0.9"}]}'); sys.exit("none")"""
    served = Served(place, searching=started(script, seen))
    found = finished(served, served.post("/api/discover").json()["job"])
    assert (found["state"], found["error"], len(found["result"]["not_added"])) == ("done", None, 1)


def test_one_search_at_a_time_and_none_outlives_the_service(place, seen):
    served = Served(place, searching=started(HANGS, seen))
    job = served.post("/api/discover").json()["job"]
    again = served.post("/api/discover")
    assert (again.status_code, again.json()["job"]) == (409, job)
    assert served.get(f"/api/discover/{job}").json()["state"] == "running"
    served.state.jobs.end()
    assert finished(served, job)["state"] == "failed"


def test_listing_what_was_found_takes_an_admin(place, seen):
    served = Served(place, searching=started(SAYS, seen))
    assert served.post("/api/discover", {"add": True}).status_code == 403
    done = served.post("/api/discover", {"subnet": "10.0.0.0/30", "add": True}, "admin")
    finished(served, done.json()["job"])
    assert seen == [["10.0.0.0/30", "--add"]]


def test_the_command_line_tells_its_progress_in_lines(place):
    """The real search, on addresses of this machine where nobody listens."""
    served = Served(place)
    done = served.post("/api/discover", {"subnet": "127.88.0.0/30"})
    found = finished(served, done.json()["job"])
    assert (found["state"], found["error"]) == ("done", None)
    assert found["doors"] == found["doors_done"] > 0
    assert found["result"]["addresses"] == 2
