"""Whole configs: what loads, what is refused, and that everything wrong is told at once (CFG1-CFG3, SEC5)."""

import os
import random
import re
from pathlib import Path

import pytest

from mine_controller.config import catalogue
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError

HERE = Path(__file__).parent
TEXT, FLEET = ((HERE / name).read_text(encoding="utf-8") for name in ("site.txt", "site.csv"))


def problems(path, over=None):
    with pytest.raises(ConfigError) as caught:
        load(path, over)
    return caught.value.problems


def told(path, over=None):
    return [f"{one.file}:{one.line} [{one.section}] {one.option}: {one.text}" for one in problems(path, over)]


def changed(old, new, text=TEXT):
    assert old in text
    return text.replace(old, new, 1)


def test_a_good_config_is_typed_and_complete(write):
    config = load(write())
    assert config.site.timezone == "America/Chicago"
    assert (config.site.live, config.site.tick_s) == (False, 120)
    assert config.policy.site.power_cap_w == 1_000_000
    assert config.policy.rules["temperature"].warn_c == 34.5
    assert config.policy.rules["signal"].grace_s == 360
    assert config.endpoints["probe intake"].every_s == 60
    assert config.endpoints["pdu pdu1"].live is False
    assert config.endpoints["relay fans"].options.password.reveal() == "s%cret-7"
    assert (config.last_good, config.broken) == (False, ())


def test_paths_lie_beside_the_config_unless_told_otherwise(write, tmp_path):
    paths = load(write()).paths
    assert paths.db == tmp_path / "mine_data.db"
    assert paths.www == tmp_path / "www"
    elsewhere = changed("tick_s = 120", "", "tick_s = 120") + "data_dir = /var/lib/minectl\nwww_dir = page\n"
    paths = load(write(changed("power_cap_kw = 1000\n", "power_cap_kw = 1000\n" + elsewhere))).paths
    assert str(paths.db) == "/var/lib/minectl/mine_data.db"
    assert str(paths.lock.parent) == str(paths.stop.parent) == "/var/lib/minectl"
    assert paths.www == tmp_path / "page"


def test_ticks_may_be_written_in_minutes_but_not_twice(write):
    assert load(write(changed("power_cap_kw = 1000", "tick_minutes = 2"))).site.tick_s == 120
    (text,) = told(write(changed("power_cap_kw = 1000", "tick_s = 60\ntick_minutes = 2")))
    assert "write one of the two" in text


def test_a_missing_file_names_the_command_that_makes_one(tmp_path):
    (problem,) = problems(tmp_path / "config.txt")
    assert "minectl init" in problem.text


def test_where_a_mine_has_run_no_config_of_another_site_is_advised(write):
    path = write()
    path.unlink()
    (found,) = problems(path)
    assert found.text == "is gone; `minectl config undo` brings back the text that ran last"
    (mistyped,) = problems(path.with_name("conf.txt"))
    assert mistyped.text.startswith("is missing; `minectl init")


def test_a_folder_in_its_place_is_told(tmp_path):
    (tmp_path / "config.txt").mkdir()
    (problem,) = problems(tmp_path / "config.txt")
    assert "can't be read" in problem.text


@pytest.mark.parametrize("name", ["config.txt", "fleet.csv"])
def test_a_pipe_in_its_place_is_told_and_not_waited_for(write, name):
    path = write().with_name(name)
    path.unlink()
    os.mkfifo(path)
    (problem,) = problems(path.with_name("config.txt"))
    assert problem.text == "can't be read: it is a pipe or a device, no file"
    assert (problem.file or "config.txt") == name


def test_without_fleet_csv_there_is_a_note_and_no_miner(write):
    config = load(write(fleet=None))
    assert config.policy.wiring.miners == ()
    assert any("no fleet.csv" in note.text for note in config.notes)


def test_the_sha_is_over_both_files(write):
    first = load(write()).sha
    assert load(write()).sha == first
    assert load(write(fleet=FLEET + "# x\n")).sha != first
    assert load(write(TEXT.replace("# a site", "# a Site"))).sha != first


def test_cfg3_a_file_changed_after_the_load_changes_nothing_that_was_loaded(write):
    path = write()
    before = load(path)
    shown = (before.policy, before.sha, before.texts)
    write(changed("power_cap_kw = 1000", "power_cap_kw = 9999"), fleet="id,mac,group\n")
    assert (before.policy, before.sha, before.texts) == shown
    assert load(path).sha != before.sha


@pytest.mark.parametrize(
    ("key", "value"),
    [("warn_c", "95"), ("stop_c", "60"), ("hardware_c", "46"), ("blind_stop_s", "86400"), ("reset_c", "45")],
)
def test_cfg2_no_config_goes_past_the_limits_of_the_code(write, key, value):
    text = changed("warn_c = 34.5", f"{key} = {value}")
    assert any(f"{key}: {value} is outside" in one for one in told(write(text)))


@pytest.mark.parametrize("ladder", [("38", "36", "40"), ("35", "40", "39"), ("35", "35", "40")])
def test_cfg2_warn_shed_and_stop_keep_their_order(write, ladder):
    text = changed("warn_c = 34.5", "warn_c = {}\nshed_c = {}\nstop_c = {}".format(*ladder))
    assert any("[temperature]" in one for one in told(write(text)))


TEN = """\
[site]
name = Test mine
timezone = America/Chicagoo
power_cap_kw = 1_000
live = true
[temprature]
warn_c = 35
[temperature]
stop_c = 95
[probe intake]
hots = 192.168.1.100
[page coop]
url = cbpower.coop
url = https://coop.example
[relay fans]
host = 192.168.1.103 ; the roof
[wiring]
inlet_c = prob intake/1
[end]
"""


def test_ten_faults_are_told_at_once_in_the_order_of_their_lines(write):
    found = problems(write(TEN, fleet=None))
    wanted = [
        (3, "no time zone"),
        (4, "not a number"),
        (5, "yes nor no"),
        (6, "did you mean temperature"),
        (9, "95 is outside"),
        (10, "is missing"),
        (11, "did you mean host"),
        (13, "not an address"),
        (14, "stands twice"),
        (16, "behind the value"),
        (18, "did you mean probe intake"),
    ]
    assert [pair for pair in wanted if not any(one.line == pair[0] and pair[1] in one.text for one in found)] == []
    assert len(found) == len(wanted)
    assert [one.line for one in found] == sorted(one.line for one in found)


def test_unknown_sections_and_keys_name_the_nearest_word(write):
    assert any("did you mean probe?" in text for text in told(write(changed("[probe intake]", "[probee intake]"))))
    assert any("did you mean warn_c?" in text for text in told(write(changed("warn_c", "warm_c"))))
    assert any("takes no name" in text for text in told(write(changed("[temperature]", "[temperature row]"))))


def test_the_heat_ladder_has_to_be_in_order(write):
    found = told(write(changed("warn_c = 34.5", "warn_c = 38\nshed_c = 36")))
    assert any("[temperature]" in text for text in found)


def test_the_grace_has_to_fit_the_contract(write):
    found = told(write(changed("[page coop]", "[signal]\nnotice_s = 500\n[page coop]")))
    assert any("[signal]" in text and "grace_s" in text for text in found)


def test_a_rule_that_is_configured_needs_its_input(write):
    text = changed("signal = page coop\n", "", changed("[page coop]", "[signal]\n[page coop]"))
    found = told(write(changed("profile = coop-container\n", "", text)))
    assert any("[signal]" in one and "wire signal" in one for one in found)


def test_a_rule_without_its_input_does_not_exist(write):
    config = load(write())
    assert "hazard" not in config.policy.rules
    assert {"smoke", "water"} <= set(config.policy.wiring.absent)
    config = load(write(changed("[end]", "smoke = probe intake/9\n[end]")))
    assert "hazard" in config.policy.rules
    assert "smoke" not in config.policy.wiring.absent


@pytest.mark.parametrize(
    ("cut", "need"),
    [
        ("signal = page coop\n", "signal"),
        ("inlet_c = probe intake/1, probe intake/2\nmax_age inlet_c = 200\n", "inlet"),
    ],
)
def test_what_the_profile_requires_must_be_wired(write, cut, need):
    found = told(write(changed("[temperature]\nwarn_c = 34.5\n", "", changed(cut, ""))))
    assert any("require" in text and text.partition(": ")[2].startswith(need) for text in found)


def test_require_replaces_what_the_profile_asks_for(write):
    text = changed("profile = coop-container", "profile = coop-container\nrequire = signal, smoke")
    assert any("smoke is required" in one for one in told(write(text)))
    assert any("did you mean smoke" in one for one in told(write(text.replace("signal, smoke", "smoek"))))


def test_a_section_still_to_be_filled_in_is_left_out_with_a_note(write):
    config = load(write(changed("key = canary-key", "key = CHANGE-ME")))
    assert "cloud mine" not in config.endpoints
    assert any("not yet active: fill in key" in note.text for note in config.notes)
    assert [path.lane for path in config.policy.wiring.miners[0].paths] == ["pdu pdu1"]


def test_an_input_still_to_be_filled_in_is_dropped_from_the_wiring(write):
    config = load(write(changed("host = 192.168.1.101", "host = CHANGE-ME")))
    assert "site_power_w" not in config.policy.wiring.roles
    assert [fan.watts for fan in config.policy.wiring.fans] == ["", ""]
    assert any("fan_proof is not yet active" in note.text for note in config.notes)


def test_notes_of_one_line_stand_in_the_same_order_each_time(write):
    needs = "fan_proof, inlet, power, signal"
    text = changed("profile = coop-container", f"profile = coop-container\nrequire = {needs}")
    found = load(write(re.sub(r"(?m)^(host|url) = .*$", r"\1 = CHANGE-ME", text))).notes
    assert [one.text.partition(" ")[0] for one in found if one.option == "require"] == needs.split(", ")


def test_a_live_site_may_not_wait_for_what_it_requires(write):
    text = changed(
        "power_cap_kw", "live = yes\npower_cap_kw", changed("url = https://coop.example/signal", "url = CHANGE-ME")
    )
    assert any("signal is required" in one for one in told(write(text)))


def test_a_section_that_nothing_uses_is_noted(write):
    config = load(write(changed("[wiring]", "[probe attic]\nhost = 10.0.0.9\n[wiring]")))
    assert [note.section for note in config.notes if "nothing in [wiring]" in note.text] == ["probe attic"]


def test_the_site_itself_has_to_be_filled_in(write):
    assert any("filled in" in text for text in told(write(changed("name = Test mine", "name = CHANGE-ME"))))


@pytest.mark.parametrize(
    ("url", "noted"),
    [
        ("https://coop.example/signal", False),
        ("http://coop.example/signal", True),
        ("http://9.9.9.9/signal", True),
        ("http://192.168.1.60/signal", False),
        ("http://127.0.0.1:8080/signal", False),
        ("http://localhost/signal", False),
    ],
)
def test_sig6_a_signal_from_elsewhere_over_plain_http_is_noted(write, url, noted):
    """SIG6: on that way anybody can write "run" into it."""
    config = load(write(changed("https://coop.example/signal", url)))
    notes = [(note.section, note.option) for note in config.notes if "plain http" in note.text]
    assert notes == ([("page coop", "url")] if noted else [])


@pytest.mark.parametrize(("kw", "noted"), [("0", True), ("0.0", True), ("900", False)])
def test_cfg2_a_cap_of_nothing_is_noted_as_none(write, kw, noted):
    """CFG2: whoever writes 0 to keep everything off takes the cap away."""
    config = load(write(changed("power_cap_kw = 1000", f"power_cap_kw = {kw}")))
    notes = [note.text for note in config.notes if note.option == "power_cap_kw"]
    assert [("no cap" in text, "emergency-stop" in text) for text in notes] == ([(True, True)] if noted else [])


def test_a_literal_secret_is_fine_in_a_private_file_and_noted(write):
    config = load(write())
    assert any("password (line 23)" in note.text and "key (line 31)" in note.text for note in config.notes)
    assert {secret.reveal() for secret in config.secrets} == {"s%cret-7", "canary-key"}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_literal_secret_in_a_file_others_read_is_refused(write, mode):
    found = told(write(mode=mode))
    assert sum("chmod 600" in text for text in found) == 2


def test_a_config_that_anybody_may_change_is_refused(write):
    text = TEXT.replace("password = s%cret-7\n", "").replace("key = canary-key", "key = env:HOME")
    assert load(write(text, mode=0o644)).endpoints
    assert any("by anybody" in one for one in told(write(text, mode=0o646)))


def test_secrets_never_print(write):
    config = load(write())
    shown = f"{config} {config!r} {config.endpoints} {config.secrets} {config.texts} {config.notes}"
    assert "s%cret-7" not in shown
    assert "canary-key" not in shown


def test_problems_never_show_a_secret(write):
    text = changed("password = s%cret-7", "password = canary ; note", changed("key = canary-key", "keyy = canary-key"))
    shown = " ".join(told(write(text, mode=0o644)))
    assert "canary" not in shown


def test_values_can_be_put_over_those_of_the_file(write):
    over = {"cloud mine": {"url": "http://127.0.0.1:1234", "key": "other"}, "site": {"live": "no"}}
    config = load(write(changed("key = canary-key", "key = CHANGE-ME"), mode=0o600), over)
    assert config.endpoints["cloud mine"].options.url == "http://127.0.0.1:1234"
    assert config.endpoints["cloud mine"].options.key.reveal() == "other"
    assert any("not a whole number" in text for text in told(write(), {"probe intake": {"retries": "x"}}))


def test_every_prefix_of_a_config_is_refused(write):
    raw = TEXT.encode()
    whole = len(raw.rstrip())
    accepted = []
    for size in range(whole + 1):
        try:
            load(write(raw[:size], fleet=None))
            accepted.append(size)
        except ConfigError:
            continue
    assert accepted == [whole]


def test_no_mutation_is_accepted_with_a_value_out_of_range(write):
    """A changed byte may make another good value, never one outside the declared bounds or of another type."""
    raw, chance, accepted = TEXT.encode(), random.Random(20260), 0
    for _ in range(300):
        broken = bytearray(raw)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(broken))
            how = chance.random()
            if how < 0.4:
                broken[at] = chance.choice(b"0123456789 =[]#;._-\n\x00\xffabcz%,/:")
            elif how < 0.7:
                del broken[at]
            else:
                broken.insert(at, chance.choice(b"0123456789e_.- \n;#["))
        try:
            config = load(write(bytes(broken), fleet=None))
        except ConfigError:
            continue
        accepted += 1
        filled = [*config.policy.rules.values(), config.facts, *(end.options for end in config.endpoints.values())]
        for options in filled:
            for name, (annotation, about) in catalogue.declared(type(options)).items():
                value = getattr(options, name)
                if annotation in (int, float) and value != about.default:
                    assert about.low is None or value >= about.low
                    assert about.high is None or value <= about.high
                if about.choices and annotation is str and value != about.default:
                    assert value in about.choices
    assert 0 < accepted < 300


def test_garbage_is_problems_never_a_traceback(write):
    chance = random.Random(7)
    for size in (0, 1, 10, 1000, 5000):
        assert problems(write(chance.randbytes(size), fleet=chance.randbytes(size)))


def test_two_hundred_and_sixty_sections_load(write):
    more = "".join(f"[probe row{number}]\nhost = 10.0.{number // 250}.{number % 250}\n" for number in range(260))
    config = load(write(changed("[wiring]", more + "[wiring]")))
    assert len(config.endpoints) == 266


def test_two_problems_of_one_text_are_told_in_the_same_order_each_time(tmp_path):
    path = tmp_path / "config.txt"
    path.write_text("[end]\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as told:
        load(path)
    assert [one.section for one in told.value.problems] == ["site", "wiring"]


@pytest.mark.parametrize("fleet", ["", "\n", " \r\n\n"])
def test_a_fleet_file_cut_to_nothing_is_a_problem_and_no_mine_without_miners(write, fleet):
    """CFG1: a full disk, an editor that died; the last good list goes on counting."""
    with pytest.raises(ConfigError) as told:
        load(write(fleet=fleet))
    assert ("fleet.csv", True) in [(one.file, one.text.startswith("is empty")) for one in told.value.problems]


def test_columns_alone_are_a_mine_without_miners(write):
    assert load(write(fleet="id,mac,group\n")).policy.wiring.miners == ()


def test_a_part_of_a_channel_is_no_section():
    channels = catalogue.known("channel")
    assert {"telegram", "homeassistant", "deadman"} <= set(channels)
    assert not {"chat", "homeassistant_entities", "homeassistant_orders", "message", "judged"} & set(channels)
    assert catalogue.find("channel", "chat") is None


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (TEXT.encode("utf-16"), "is UTF-16, which Windows calls Unicode: save the file as UTF-8"),
        (TEXT.encode("utf-16-le"), "is UTF-16"),
        (TEXT.encode("utf-16-be"), "is UTF-16"),
        (TEXT.replace("\n", "\r").encode(), "lines that end in CR alone"),
        (TEXT.encode() + b"#" * 5_000_000, "is larger than 4 MB"),
    ],
)
def test_of_a_file_that_can_not_be_read_at_all_only_that_is_told(write, raw, word):
    (found,) = problems(write(raw))
    assert word in found.text
    (listed,) = problems(write(fleet=raw))
    assert (listed.file, word in listed.text) == ("fleet.csv", True)


def test_quotes_around_a_text_are_noted_because_they_count(write):
    text = TEXT.replace("name = Test mine", 'name = "Test mine"').replace("s%cret-7", "'s%cret-7'")
    notes = {(one.section, one.option): one.text for one in load(write(text)).notes}
    assert notes["site", "name"] == notes["relay fans", "password"] == "stands in quotes, and they count as part of it"
    assert not [one for one in load(write()).notes if "quotes" in one.text]
    pattern = TEXT.replace("[page coop]", '[page coop]\npattern = "(run)"')
    assert not [one for one in load(write(pattern)).notes if "quotes" in one.text]


@pytest.mark.parametrize(("margin", "shed", "good"), [(5, 94, False), (3, 96, False), (5, 95, True), (20, 80, True)])
def test_what_may_start_below_the_cap_is_not_what_has_to_go(write, margin, shed, good):
    path = write(changed("[wiring]", f"[cap]\nmargin_pct = {margin}\nshed_pct = {shed}\n\n[wiring]"))
    if good:
        assert load(path).policy.rules["cap"].shed_pct == shed
        return
    (found,) = problems(path)
    assert found.text == f"must be at least 100 - margin_pct = {100 - margin}, up to which miners start"
    assert path.read_text().split("\n")[found.line - 1].startswith("shed_pct")
