import json
import re

import pytest
import sample

from mine_controller.core.model.book import Book
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import State
from mine_controller.core.wording.words import sentence
from mine_controller.render import files, panels, status_json, write
from mine_controller.render.fleet import STATES
from mine_controller.render.given import History
from mine_controller.render.metrics import each, metrics


def document(kind="RUNNING", past=None, **facts):
    past = sample.history(kind) if past is None else past
    return status_json.document(sample.book(kind), sample.facts(**facts), past, sentence, sample.NOW + 3)


@pytest.mark.parametrize("kind", sample.KINDS)
def test_the_document_is_json_and_comes_back_the_same(kind):
    made = document(kind)
    assert json.loads(status_json.text(made)) == made


def test_a_book_without_an_image_is_a_document_too():
    made = status_json.document(Book(State()), sample.facts(), History(), sentence, sample.NOW)
    assert made["mode"] == "INIT"
    assert made["tick_at"] is None
    assert made["power_w"] is None
    assert json.loads(status_json.text(made)) == made


def test_every_field_of_the_document_is_documented():
    told = (files.found("templates").parent / "docs" / "status-json.md").read_text()
    made = document("CURTAILED")
    inner = [*made["miners"], *made["signal"], *made["fans"][0], *made["inputs"][0], *made["last_event"]]
    for name in [*made, *inner]:
        assert re.search(rf"\b{name}\b", told), name


def test_unknown_is_null_and_never_nought():
    made = document("INIT", History())
    for name in ("power_w", "miners_w", "fans_w", "humidity_pct"):
        assert made[name] is None
    assert set(made["temperatures"].values()) == {None}
    assert {fan["watts"] for fan in made["fans"]} == {None}
    assert {fan["on"] for fan in made["fans"]} == {None}
    assert made["signal"]["value"] is None
    assert made["signal"]["why"]
    miners = made["miners"]
    assert miners["unknown"] == miners["total"] == 280
    assert {miners[state] for state in STATES if state != "unknown"} == {None}
    assert miners["online"] is None
    assert miners["hashing"] is None


def test_the_states_of_miners_add_up():
    for kind in ("RUNNING", "CURTAILING", "CURTAILED", "EMERGENCY"):
        miners = document(kind)["miners"]
        assert sum(miners[state] for state in STATES) == miners["total"]


def test_without_a_meter_the_sum_says_of_how_many():
    book = sample.book("RUNNING")
    site = dict(book.image.site)
    site["site_power_w"] = site["site_power_w"]._replace(value=None, why="no answer in 6.0 s")
    book = book._replace(image=book.image._replace(site=site))
    made = status_json.document(book, sample.facts(), History(), sentence, sample.NOW)
    assert made["power_source"] == "parts"
    assert made["power_w"] == made["miners_w"] + made["fans_w"]
    assert (made["power_known"], made["power_of"]) == (286, 289)
    assert made["power_why"] == "no answer in 6.0 s"
    shown = panels.power(made, sample.facts())
    room = {one["name"]: one["value"] for one in shown["rows"]}["Below the cap"]
    assert shown["value"].startswith("at least ")
    assert room.startswith("at most "), "those who are not known draw something, too"


def test_one_start_is_told_as_one():
    made = document("RUNNING")
    made["limits"] = [{"layer": 3, "what": "start_miners", "amount": amount, "why": ""} for amount in (1, 2)]
    told = [one["what"] for one in panels.power(made, sample.facts())["limits"]]
    assert told == ["1 start now", "2 starts now"]


def test_the_release_is_counted_down():
    made = document("CURTAILED")
    assert made["next"] == {"what": "release", "at": sample.NOW + 412, "text": "earliest end of the curtailment"}
    assert [one["at"] for one in made["schedule"]] == sorted(one["at"] for one in made["schedule"])


def test_a_look_that_is_past_is_not_what_comes_next():
    book = sample.book("CURTAILING")
    told = [
        status_json.document(book, sample.facts(), History(), sentence, sample.NOW + later)["next"] for later in (8, 9)
    ]
    assert [one["what"] for one in told] == ["look", "tick"]
    assert told[0]["at"] == sample.NOW + 8


def test_the_event_in_progress_counts_from_the_signal():
    event = document("CURTAILED")["last_event"]
    assert event["signal_at"] == sample.NOW - 2_280
    assert (event["first_command_s"], event["shed_100_s"]) == (121, 170)
    assert event["power_confirmed_w"] == 9_204
    assert event["in_progress"] is True


def test_the_last_finished_event_comes_from_its_report():
    event = document("RUNNING")["last_event"]
    assert event["in_progress"] is False
    assert event["shed_90_s"] == 156
    assert event["stragglers"] == [{"miner": "a017", "rung": 1}, {"miner": "a203", "rung": 1}]


def test_an_event_that_was_never_proven_says_so_with_null():
    past = History(report=sample.REPORT | {"shed_100_s": "never", "confirmed_w": "never"})
    event = document("RUNNING", past)["last_event"]
    assert event["shed_100_s"] is None
    assert event["power_confirmed_w"] is None


def test_the_age_of_the_signal_is_counted_to_the_moment_of_writing():
    assert document()["signal"]["age_s"] == 9
    assert document()["age_s"] == 3


def test_since_when_the_signal_holds_is_read_from_history_or_memory():
    past = History((10, 20, 30, 40), *((None,) * 4,) * 5, signal=("off", "run", None, "run"))
    assert document("RUNNING", past)["signal"]["since"] == 20
    assert document("CURTAILING")["signal"]["since"] == sample.NOW - 12
    book = sample.book("RUNNING")
    told = book.state._replace(memory={"signal": {"word": "run", "word_s": sample.PLANT - 300}})
    made = status_json.document(book._replace(state=told), sample.facts(), past, sentence, sample.NOW)
    assert made["signal"]["since"] == sample.NOW - 300, "the hold after an event is none of the signal's"


def test_the_gravest_and_then_the_oldest_alarm_comes_first():
    kinds = [alarm["kind"] for alarm in document("EMERGENCY")["alarms"]]
    assert kinds == ["heat_stop", "emergency_stop", "fan_fault"]


def test_a_failing_input_tells_why_and_how_old_its_last_value_is():
    failing = next(one for one in document()["inputs"] if one["endpoint"] == "redfish pdu2")
    assert failing["ok"] is False
    assert failing["why"] == "no answer in 6.0 s"
    assert failing["fails"] == 4
    assert failing["age_s"] == 493


def test_a_public_document_hides_addresses_wallets_and_people():
    book = sample.book("CURTAILED")
    channels = dict(book.image.channels)
    health = channels["sel735 meter:health"]
    why = "refused by 10.0.0.7:502 (02:00:5e:10:00:01), http://10.0.0.7/x, bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    channels["sel735 meter:health"] = health._replace(value=None, why=why)
    book = book._replace(image=book.image._replace(channels=channels))
    made = status_json.document(book, sample.facts(publish="public"), History(), sentence, sample.NOW)
    text = status_json.text(made)
    for hidden in ("10.0.0.7", "02:00:5e", "bc1q", "rosa"):
        assert hidden not in text
    assert "[hidden]" in text


def lines(kind, past=None):
    return metrics(document(kind, past)).splitlines()


@pytest.mark.parametrize("kind", sample.KINDS)
def test_metrics_are_exposition_text(kind):
    sample_line = re.compile(
        r'minectl_[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? -?\d+(\.\d+)?'
    )
    seen = set()
    for line in lines(kind):
        if line.startswith("# "):
            word, name = line.split(" ")[1:3]
            assert word in ("HELP", "TYPE")
            assert (word, name) not in seen, "a family stands once"
            seen.add((word, name))
        else:
            assert sample_line.fullmatch(line), line
            assert ("TYPE", re.split(r"[ {]", line)[0]) in seen


def test_what_is_unknown_has_no_sample():
    text = "\n".join(lines("INIT", History()))
    for name in ("site_power_watts", "temperature_celsius", "fan_on", "fan_proven", "miners_online", "signal{"):
        assert f"minectl_{name}" not in text
    assert 'minectl_miners{state="unknown"} 280' in text
    assert 'minectl_miners{state="running"}' not in text


def test_a_hostile_label_can_not_leave_its_quotes():
    made = document(name='x"} 1\nevil{a="\\')
    text = metrics(made)
    assert "\nevil" not in text
    assert 'site="x\\"} 1 evil{a=\\"\\\\"' in text


def test_documents_are_written_whole_with_the_fixed_files_beside(tmp_path):
    folder = tmp_path / "www"
    write.show(folder, {"index.html": "<p>å</p>", "status.json": b"{}"}.items())
    assert (folder / "index.html").read_text("utf-8") == "<p>å</p>"
    assert sorted(one.name for one in folder.iterdir()) == sorted(
        ["index.html", "status.json", *files.fixed(files.found("www"))]
    )
    assert (folder / "index.html").stat().st_mode & 0o777 == 0o644


def test_a_fixed_file_is_copied_again_only_when_it_differs(tmp_path):
    write.show(tmp_path, {}.items())
    before = (tmp_path / "style.css").stat().st_ino
    (tmp_path / "script.js").write_text("old")
    longer = (tmp_path / "icon.svg").read_bytes()
    (tmp_path / "icon.svg").write_bytes(b" " * len(longer))
    write.show(tmp_path, {}.items())
    assert (tmp_path / "style.css").stat().st_ino == before
    assert (tmp_path / "icon.svg").read_bytes() == longer
    assert (tmp_path / "script.js").read_bytes() == (files.found("www") / "script.js").read_bytes()


def test_a_failed_write_leaves_the_old_page(tmp_path, monkeypatch):
    write.show(tmp_path, {"index.html": "old"}.items())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space"):
        write.show(tmp_path, {"index.html": "new"}.items())
    assert (tmp_path / "index.html").read_text() == "old"


def test_a_link_in_place_of_the_new_file_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("keep")
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / ".index.html.new").symlink_to(target)
    with pytest.raises(OSError, match="symbolic link"):
        write.show(folder, {"index.html": "new"}.items())
    assert target.read_text() == "keep"


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ({"rate_hs": 9_450.0, "hashrate_ths": 0.0}, "9450"),
        ({"hashrate_ths": 95.5}, "95500000000000"),
        ({"rate_hs": 0.0}, "0"),
        ({}, None),
    ],
)
def test_the_hash_rate_of_a_small_miner_is_not_lost_in_terahashes(told, rate):
    """A PC's RandomX is some kH/s: nothing in TH/s."""
    book, wiring = sample.book("RUNNING"), sample.wiring()
    spec, now_s = wiring.miners[0], book.image.clock.plant_s
    seen = {f"{spec.group}/{spec.mac}:{name}": Value(value, now_s) for name, value in told.items()}
    book = book._replace(image=book.image._replace(channels={**book.image.channels, **seen}))
    text = metrics(document("RUNNING"), each(book, wiring))
    found = [line for line in text.splitlines() if line.startswith('minectl_miner_hashes_per_second{miner="a000"}')]
    assert found == ([] if rate is None else [f'minectl_miner_hashes_per_second{{miner="a000"}} {rate}'])
