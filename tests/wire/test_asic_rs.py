"""The pipe to asic-rs: whatever its process does, every job has an answer or a reason, and the process is gone."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from mine_controller.wire import asic_child, asic_rs
from mine_controller.wire.door import Job, WireError

JOBS = [Job("127.0.0.2", "stop", "aa"), Job("127.0.0.3", "stop", "bb")]
SLACK_S = 3.0
HEAR = """
import json, os, signal, sys, time
def say(tree):
    print(json.dumps(tree), flush=True)
jobs = json.loads(sys.stdin.readline())["jobs"]
"""


def child(code):
    return (sys.executable, "-I", "-c", HEAR + textwrap.dedent(code))


def run(code, for_s=20.0, jobs=JOBS):
    return asic_rs.run(jobs, time.monotonic() + for_s, child(code))


def kinds(answers):
    return [answer.kind if isinstance(answer, WireError) else answer for answer in answers]


def test_each_job_has_its_own_answer_in_the_order_asked():
    code = 'for job in reversed(jobs): say({"job": job["job"], "told": {"host": job["host"]}})'
    assert run(code) == [{"host": "127.0.0.2"}, {"host": "127.0.0.3"}]


def test_an_abort_is_an_outcome_and_what_was_told_before_it_counts():
    """The wheel was seen to die of SIGABRT."""
    answers = run(
        """
        say({"job": 0, "began": True}); say({"job": 0, "told": {"said": True}})
        say({"job": 1, "began": True}); os.abort()
        """
    )
    assert kinds(answers) == [{"said": True}, "closed"]
    assert "SIGABRT" in answers[1].why
    assert answers[1].sent


def test_what_had_not_begun_reached_nothing():
    answers = run('say({"job": 0, "began": True}); os.abort()')
    assert [answer.sent for answer in answers] == [True, False]


def test_a_hang_ends_at_the_deadline_with_its_whole_group():
    code = """
    import subprocess
    own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    say({"job": 0, "told": {"pids": [os.getpid(), own.pid]}}); say({"job": 1, "began": True})
    signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)
    """
    began = time.monotonic()
    answers = run(code, for_s=1.0)
    assert time.monotonic() - began < 1.0 + SLACK_S
    assert answers[1].kind == "timeout"
    assert all(gone(pid) for pid in answers[0]["pids"])


def gone(pid):
    """Whether a process has ended; one that nobody took the exit of is a zombie."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)  # the kernel takes a moment to end a group
    return False


@pytest.mark.parametrize(
    "code",
    [
        'sys.stdout.write("no json\\n")',
        'say([1, 2]); say({"job": 0})',
        'say({"job": 99, "told": {"said": True}})',
        'say({"job": "0", "told": {}})',
        'sys.stdout.write("[" * 60000 + "\\n")',
        'sys.stdout.buffer.write(b"\\xff\\xfe\\n")',
        'sys.stdout.write("x" * 10_000_000)',
    ],
)
def test_garbage_on_the_pipe_is_never_an_answer(code):
    answers = run(f"say({{'job': 0, 'began': True}})\n{code}\nsys.stdout.flush(); time.sleep(60)", for_s=10.0)
    assert kinds(answers) == ["bad_http", "unreachable"]


def test_a_child_that_ends_at_once_or_says_nothing_is_a_reason():
    assert "ended early (3)" in run("sys.exit(3)")[0].why
    assert kinds(run("pass")) == ["unreachable", "unreachable"]


def test_a_missing_wheel_is_told_with_the_remedy():
    answers = run('say({"missing": "ModuleNotFoundError"})')
    assert kinds(answers) == ["missing", "missing"]
    assert "install.sh" in answers[0].why
    assert not answers[0].sent


def test_a_process_that_can_not_start_is_a_reason():
    (answer,) = asic_rs.run(JOBS[:1], time.monotonic() + 5, ("/nowhere/python",))
    assert (answer.kind, answer.sent) == ("unreachable", False)


def test_no_time_and_no_jobs_start_nothing():
    assert kinds(asic_rs.run(JOBS, time.monotonic() - 1, ("/nowhere/python",))) == ["unreachable"] * 2
    assert asic_rs.run([], time.monotonic() + 5, ("/nowhere/python",)) == []


def test_a_batch_larger_than_the_pipe_is_written_while_it_answers():
    jobs = [Job(f"127.0.{at // 250}.{at % 250}", "read", value="x" * 2000) for at in range(500)]
    code = 'for job in jobs: say({"job": job["job"], "told": {"at": job["job"]}})'
    assert [answer["at"] for answer in run(code, jobs=jobs)] == list(range(500))


SECRET = "canary-4711"
TELL_TALE = 'say({"job": 0, "told": {"argv": sys.argv, "env": dict(os.environ), "line": jobs[0]["logins"][0][2]}})'


def test_secrets_go_through_the_pipe_alone():
    job = Job("127.0.0.2", "stop", logins=(("Braiins", "root", SECRET),))
    (told,) = run(TELL_TALE, jobs=[job])
    assert told["line"] == SECRET
    assert SECRET not in repr((told["argv"], told["env"]))


def test_the_secrets_of_a_job_are_taken_out_of_what_failed():
    job = {"logins": [["Braiins", "root", SECRET]], "pools": [["u", "w", "pool-secret"]]}
    assert asic_child._plain(f"no {SECRET}\nand pool-secret", job) == "no *** and ***"


FAKE = '''
"""What the child uses of asic-rs, faked: one miner for every address, told what to be by its last octet."""
import asyncio, os, sys, types
class Miner:
    firmware, make, model = "Fake OS", "Fake", "F1"
    supports_pause = supports_resume = supports_restart = supports_pools_config = supports_fan_config = True
    supports_set_power_limit = supports_tuning_config = supports_set_fault_light = True
    def __init__(self, host): self.host, self.last = host, host.rpartition(".")[2]; self.auth = None
    def set_auth(self, user, password): self.auth = (user, password)
    async def get_mac(self): return "02:00:00:00:00:0" + self.last[-1]
    async def get_serial_number(self): return None
    async def pause(self):
        if self.last == "7": raise RuntimeError("pause failed for " + self.auth[1])
        if self.last == "8": await asyncio.sleep(600)
        if self.last == "9": os.abort()
        return self.last != "6"
    resume = restart = pause
    supports_presets = True
    async def get_presets(self):
        told = (("disabled", "untuned"), ("2000", "tuned"), ("2500", "tuned"), ("3000", "untuned"))
        return [types.SimpleNamespace(name=name, status=status) for name, status in told]
    async def set_power_limit(self, watts): return watts == 2500.0
    async def set_pools_config(self, groups): return True
class MinerFactory:
    def with_firmware_discovery_auth(self, name, user, password):
        if name != "Fake OS": raise ValueError(name)
        return self
    async def get_miner(self, host):
        miner = Miner(host)
        if miner.last == "4": return None
        if miner.last == "5": miner.firmware = "WhatsMiner Stock"
        if miner.last == "15": miner.firmware = "AvalonMiner Stock"
        if miner.last == "25": miner.firmware = "VNish"
        return miner
config = types.ModuleType("pyasic_rs.config"); sys.modules["pyasic_rs.config"] = config
config.Pool = config.PoolGroup = lambda **about: about
'''


@pytest.fixture
def faked(tmp_path):
    """The real child, with a package named pyasic_rs in front of the real one."""
    (tmp_path / "pyasic_rs.py").write_text(FAKE)
    front, run_it = (
        f"sys.path.insert(0, {str(tmp_path)!r})",
        f"runpy.run_path({str(asic_rs.CHILD)!r}, run_name='__main__')",
    )
    start = f"import sys, runpy; {front}; {run_it}"
    return (sys.executable, "-I", "-c", start)


def stop(last, unit=""):
    logins = (("Nobody's OS", "root", SECRET), ("Fake OS", "root", SECRET))
    return Job(f"127.0.0.{last}", "stop", unit or f"02:00:00:00:00:0{last}", logins=logins)


def test_the_child_looks_who_it_is_before_it_commands_anybody(faked):
    """MIN3: a stranger at the address gets no command."""
    jobs = [stop(1), stop(2, "02:00:00:00:00:99"), stop(4), stop(5), stop(6), stop(7)]
    about = {"make": "Fake", "firmware": "Fake OS"}
    answers = asic_rs.run(jobs, time.monotonic() + 20, faked)
    assert answers[0] == {**about, "said": True}
    assert answers[1] == {**about, "stranger": True}
    assert answers[2] == {"none": True}
    assert answers[3] == {"make": "Fake", "firmware": "WhatsMiner Stock", "elsewhere": "whatsminer"}
    assert answers[4] == {**about, "said": False}
    assert answers[5] == {"error": "RuntimeError: pause failed for ***"}


def test_an_avalon_is_left_to_its_own_kind(faked):
    """asic-rs 0.8.6 sends a limit of 2500 W to an Avalon as worklevel 2.5 kW, and says that it is done."""
    (answer,) = asic_rs.run([Job("10.0.0.15", "limit", value="2500")], time.monotonic() + 20, faked)
    assert answer == {"make": "Fake", "firmware": "AvalonMiner Stock", "elsewhere": "avalon"}


@pytest.mark.parametrize(
    ("watts", "told"),
    [
        ("3200", {"said": True}),
        ("2500", {"said": True}),
        ("1900", {"refused": "it has no tuned preset of 1900 W or less: tune one on its own page"}),
    ],
)
def test_a_limit_of_vnish_is_a_preset_it_is_tuned_for(faked, watts, told):
    """asic-rs takes the strongest preset below the limit, tuned or not; one that is not starts hours of tuning."""
    (answer,) = asic_rs.run([Job("10.0.0.25", "limit", value=watts)], time.monotonic() + 20, faked)
    assert answer == {"make": "Fake", "firmware": "VNish", **told}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("stratum+tcp://north.example:3333", {"said": True}),
        ("stratum+ssl://north.example:443", {"refused": asic_child.NO_TLS}),
    ],
)
def test_a_pool_with_tls_is_not_sent_to_vnish_without_it(faked, url, told):
    job = Job("10.0.0.25", "pool", value="north", pools=((url, "acct.w1", "x"),))
    (answer,) = asic_rs.run([job], time.monotonic() + 20, faked)
    assert answer == {"make": "Fake", "firmware": "VNish", **told}


def test_a_vnish_that_drips_its_status_is_given_up(monkeypatch):
    """Each piece of it came in time; all of it never did, and what was said of the command was lost with it."""
    gate = threading.Event()
    monkeypatch.setattr(asic_child, "VNISH_S", 0.05)
    monkeypatch.setattr(asic_child, "_status", lambda _host: gate.wait(30))

    async def asked():
        try:
            return await asyncio.wait_for(asic_child._state_of("10.0.0.25"), 5)
        finally:
            gate.set()

    assert asyncio.run(asked()) == ("", False)


def test_a_row_of_vnish_is_asked_side_by_side_however_few_cores_there_are(monkeypatch):
    """A stop is known by their status alone, and eight slow ones of a Pi's eight threads held up all others."""
    all_there, told = threading.Barrier(60), []

    def status(_host):
        all_there.wait(4)
        return {"miner_state": "stopped"}

    async def one(job):
        told.append(await asic_child._state_of(job["host"]))

    monkeypatch.setattr(asic_child, "_status", status)
    monkeypatch.setattr(asic_child, "_one", one)
    asyncio.run(asic_child._all([{"host": f"10.0.0.{n}"} for n in range(60)], 20.0))
    assert told == [("stopped", False)] * 60


def test_a_unit_that_hangs_the_library_costs_the_others_nothing(faked):
    began = time.monotonic()
    answers = asic_rs.run([stop(8), stop(1)], time.monotonic() + 2.0, faked)
    assert time.monotonic() - began < 2.0 + SLACK_S
    assert answers[1]["said"] is True
    assert isinstance(answers[0], WireError)
    assert answers[0].sent


def test_a_unit_that_makes_the_library_abort_is_unknown(faked):
    (answer,) = asic_rs.run([stop(9)], time.monotonic() + 20, faked)
    assert (answer.kind, "SIGABRT" in answer.why, answer.sent) == ("closed", True, True)


def test_a_hundred_and_sixty_units_share_one_process(faked):
    jobs = [stop(1)._replace(host=f"127.0.{at}.1") for at in range(160)]
    answers = asic_rs.run(jobs, time.monotonic() + 20, faked)
    assert {answer["said"] for answer in answers} == {True}


def test_the_child_does_not_outlive_who_started_it(faked):
    """A tick that is killed leaves no process behind that goes on commanding."""
    command = json.dumps(faked)
    line = json.dumps({"for_s": 600, "jobs": [{"job": 0, **stop(8)._asdict()}]})
    parent = (
        "import json, subprocess, sys, time\n"
        f"child = subprocess.Popen(json.loads({command!r}), stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        f"child.stdin.write({line!r}.encode() + b'\\n'); child.stdin.flush(); child.stdout.readline()\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    started = subprocess.Popen([sys.executable, "-I", "-c", parent], stdout=subprocess.PIPE)
    pid = int(started.stdout.readline())
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    started.stdout.close()
    assert gone(pid)


def test_the_child_ends_by_itself_when_its_time_is_over(faked):
    line = json.dumps({"for_s": 0.3, "jobs": [{"job": 0, **stop(8)._asdict()}]}).encode() + b"\n"
    with subprocess.Popen(faked, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(line)
        process.stdin.flush()
        assert process.wait(20) == 0


@pytest.mark.peer
def test_the_real_library_finds_nobody_where_nobody_is():
    pytest.importorskip("pyasic_rs", reason="asic-rs is not installed")
    (answer,) = asic_rs.run([Job("127.9.9.9", "read")], time.monotonic() + 20)
    assert answer == {"none": True}
