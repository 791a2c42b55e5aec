import base64
import json

import pytest
from devices.kinds import CANARY, build
from devices.scripted import Script, lost, told

from mine_controller.devices import foreman, redfish
from mine_controller.devices.kind import Reply
from mine_controller.ops.probe import probe
from mine_controller.ops.record import record
from mine_controller.wire.door import Response, WireError


class Section:
    live = True

    def __init__(self, kind, **more):
        self.kind, self.section = kind, f"{kind} x"
        self.options = build(kind, "https://192.0.2.1", **more)


def miner(number, mac):
    return {"id": number, "mac": mac, "status": "okay", "active": True, "poolPassword": "hunter22", "note": CANARY}


MINERS = [miner(11, "AA:BB:CC:DD:EE:01"), miner(12, "aa-bb-cc-dd-ee-02"), miner(13, "aa:bb:cc:dd:ee:01")]


def stored(folder):
    return "".join(path.read_text() for path in sorted(folder.iterdir()))


def test_a_recorded_case_reads_like_the_device_and_holds_no_secret(tmp_path):
    script = Script(lambda _: told(MINERS, set_cookie="sid=1", date="Wed, 15 Jul 2026 19:07:00 GMT"))
    written = record(Section("foreman"), script.wire, tmp_path / "case")
    assert [path.name for path in written] == ["options.json", "replies.json", "miners.json", "expected.json"]
    text = stored(tmp_path / "case")
    assert not [
        secret
        for secret in (CANARY, "hunter22", "sid=1", "bb:cc:dd", "bb-cc-dd", "192.0.2.1")
        if secret.lower() in text.lower()
    ]
    expected = json.loads((tmp_path / "case/expected.json").read_text())
    assert ["02:00:00:00:00:02", "address", "12"] in expected
    assert ["02:00:00:00:00:01", "address", None] in expected


def test_a_recorded_case_can_be_read_again(tmp_path):
    record(Section("foreman"), Script(lambda _: told(MINERS)).wire, tmp_path)
    (row,) = json.loads((tmp_path / "replies.json").read_text())
    reply = Reply(row["name"], row["status"], row["headers"], (tmp_path / row["file"]).read_bytes())
    found = foreman.parse((reply,), Section("foreman").options)
    assert [[each.channel, each.quantity, each.value] for each in found] == json.loads(
        (tmp_path / "expected.json").read_text()
    )


def test_hardware_addresses_stay_where_they_are_wanted(tmp_path):
    record(Section("foreman"), Script(lambda _: told(MINERS)).wire, tmp_path, keep_macs=True)
    assert "AA:BB:CC:DD:EE:01" in (tmp_path / "miners.json").read_text()


def test_options_are_stored_without_secrets_and_addresses(tmp_path):
    record(Section("foreman", client="77"), Script(lambda _: told([])).wire, tmp_path)
    options = json.loads((tmp_path / "options.json").read_text())
    assert (options["client"], options["key"]) == ("77", "***")
    assert "url" not in options


def test_a_page_that_can_not_be_read_is_stored_with_the_reason(tmp_path):
    page = Response(
        200, {"content-type": "text/html"}, b"<html><title>Guest Wi-Fi</title><body>" + b"<p>hello</p>" * 9 + b"</html>"
    )
    section = Section("power_signal", selector="#x", run=("a",), off=("b",))
    written = record(section, Script(lambda _: page).wire, tmp_path)
    assert (tmp_path / "page.html") in written
    assert "not the page" in json.loads((tmp_path / "expected.json").read_text())["refused"]


def test_a_secret_is_found_in_every_form_it_can_take(tmp_path):
    forms = [CANARY, base64.b64encode(f"admin:{CANARY}".encode()).decode()]
    body = json.dumps({"Members": [], "note": forms}).encode()
    record(Section("redfish", user="admin", expand="no"), Script(lambda _: told(body)).wire, tmp_path)
    assert not [form for form in forms if form in stored(tmp_path)]


def test_forms_lose_only_the_fields_that_tell(tmp_path):
    page = (
        b'<html><body><input name="csrf_token" value="abc123"><input id="v" value="normal"><p>' + b"x" * 60 + b"</html>"
    )
    section = Section("power_signal", selector="#v", attribute="value", run=("normal",), off=("off",))
    record(section, Script(lambda _: Response(200, {"content-type": "text/html"}, page)).wire, tmp_path)
    assert "abc123" not in stored(tmp_path)
    assert ["", "signal", "run"] in json.loads((tmp_path / "expected.json").read_text())


def test_answers_of_one_name_or_with_strange_names_get_files_of_their_own(tmp_path):
    pdu = redfish.Options._field_defaults["pdu"].default

    def unit(request):
        if request.url.endswith("/Outlets"):
            names = ("A1", "options", "A.1")
            return told({"Members": [{"@odata.id": f"{pdu}/Outlets/{name}"} for name in names]})
        return told({"Id": request.url.rpartition("/")[2], "PowerState": "On"})

    written = record(Section("redfish", expand="no"), Script(unit).wire, tmp_path)
    assert len({path.name for path in written}) == len(written)
    assert all(path.parent == tmp_path for path in written)


def test_a_device_that_does_not_answer_writes_nothing(tmp_path):
    with pytest.raises(WireError):
        record(Section("foreman"), Script(lambda _: lost()).wire, tmp_path / "case")
    assert not (tmp_path / "case").exists()


def test_recording_only_asks(tmp_path):
    script = Script(lambda _: told({"Members": []}))
    record(Section("redfish"), script.wire, tmp_path)
    assert {each.method for each in script.requests} == {"GET"}


def test_a_probe_shows_what_was_asked_and_what_was_read():
    report = probe(Section("foreman"), Script(lambda _: told([miner(11, "AA:BB:CC:DD:EE:01")])).wire)
    assert (report.asked[0].status, report.asked[0].took_s, report.why) == (200, 0.1, "")
    assert "foreman x/aa:bb:cc:dd:ee:01:address = 11" in report.text()
    tree = json.loads(report.json())
    assert tree["ok"] is True
    assert {"channel": "aa:bb:cc:dd:ee:01", "quantity": "word", "value": "hashing", "why": ""} in tree["found"]


def test_a_probe_of_a_dead_device_is_a_report_and_no_error():
    report = probe(Section("foreman"), Script(lambda _: lost()).wire)
    assert (report.asked[0].status, report.asked[0].why, report.why) == (0, "no answer in 5 s", "no answer in 5 s")
    assert "not read: no answer in 5 s" in report.text()
    assert json.loads(report.json())["ok"] is False


def test_what_goes_by_the_date_is_asked_with_the_date_of_now(tmp_path):
    """A fixed tariff is asked of nobody: without the time even that would be no price."""
    report = probe(Section("tariff", price=28.4), Script(lambda _: lost()).wire)
    assert report.why == ""
    assert [each.quantity for each in report.found if each.quantity == "slots"] == ["slots"]
    assert "nothing is known now" not in report.text()
    script = Script(lambda _: Response(204, {}, b""))
    probe(Section("nordpool", area="NO1"), script.wire)
    assert all("date=20" in request.url for request in script.requests)
    record(Section("tariff", price=28.4), Script(lambda _: lost()).wire, tmp_path)
    assert "slots" in (tmp_path / "expected.json").read_text()


def test_a_probe_shows_where_a_page_fell_out_of_the_pipeline():
    page = Response(
        200, {"content-type": "text/html"}, b"<html><body><b id='x'>MAYBE</b>" + b"<p>hello</p>" * 9 + b"</html>"
    )
    section = Section("power_signal", selector="#x", run=("normal",), off=("interrupt",))
    report = probe(section, Script(lambda _: page).wire)
    assert report.trail[-1][0] == "unreadable"
    assert "located: 'maybe'" in report.text()
    assert "'maybe' is in none of the lists" in report.why


def test_a_probe_shows_no_secret():
    section = Section("http_pdu", user="admin", read_url="/cm?user={user}&password={password}", watts_path="w")
    report = probe(section, Script(lambda _: told({"w": 5, "note": CANARY})).wire)
    assert CANARY not in report.text() + report.json()
    assert "password=***" in report.text()
