"""`minectl profiles` as typed, and profiles.txt as people keep it."""

import json

import pytest
from cli.home import Home

from mine_controller.ops import profiles
from mine_controller.ops.profiles import Profile, ProfileError

MINE = """\
# what works in July
[quiet]
kind = bitaxe
frequency_mhz = 450
core_voltage_mv = 1100
fan = auto
; not below 1100: it resets

# the loud one
[loud]
kind = bitaxe
mode = overclock
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path).ticks(3)


@pytest.fixture
def file(home):
    found = home.path.with_name("profiles.txt")
    found.write_text(MINE)
    return found


def test_a_profile_is_saved_as_a_miner_runs_now(home):
    done = home.run("profiles", "save", "now", "--from", "b01", "--fan", "40")
    assert done.exit_code == 0, done.output
    assert "now is saved: kind bitaxe, frequency_mhz 525, core_voltage_mv 1150, fan 40" in done.stdout
    text = home.path.with_name("profiles.txt").read_text()
    assert text == "[now]\nkind = bitaxe\nfrequency_mhz = 525\ncore_voltage_mv = 1150\nfan = 40\n"


def test_what_is_given_counts_before_what_was_read(home):
    home.run("profiles", "save", "now", "--from", "b01", "--frequency-mhz", "500")
    assert profiles.load(home.path.parent)["now"] == Profile("now", "bitaxe", 500, 1150)


def test_a_make_without_exact_settings_gives_its_mode():
    row = {"takes": ["mode"], "frequency_mhz": 400, "mode": "low"}
    assert profiles.of_readings("cool", "avalon", row, {}) == Profile("cool", "avalon", mode="low")
    with pytest.raises(ProfileError, match="no frequency, voltage or mode"):
        profiles.of_readings("cool", "avalon", {"takes": ["mode"], "mode": None}, {})


def test_a_voltage_that_is_measured_is_no_setting(home, monkeypatch):
    """A NerdQaxe set to 1150 mV tells 1128: put on its sisters, and saved again, it would sink further each time."""
    row = {"takes": ["tune"], "frequency_mhz": 600.0, "core_voltage_mv": 1128}
    assert profiles.of_readings("all", "nerdqaxe", row, {}) == Profile("all", "nerdqaxe", 600)
    given = profiles.of_readings("all", "nerdqaxe", row, {"core_voltage_mv": "1150"})
    assert given == Profile("all", "nerdqaxe", 600, 1150)
    monkeypatch.setattr(profiles, "MEASURED", ("bitaxe",))
    done = home.run("profiles", "save", "now", "--from", "b01")
    assert done.stdout == "now is saved: kind bitaxe, frequency_mhz 525\n"
    assert "tells the voltage that is measured, not the one that is set" in done.stderr
    again = home.run("profiles", "save", "now", "--from", "b01", "--core-voltage-mv", "1150", "--replace")
    assert "Note" not in again.stderr


def test_a_profile_by_hand_needs_no_miner(home, file):
    assert home.run("profiles", "save", "low", "--kind", "avalon", "--mode", "low").exit_code == 0
    assert file.read_text() == MINE + "\n[low]\nkind = avalon\nmode = low\n"


def test_the_list_shows_what_each_sets(home, file):
    lines = home.run("profiles").stdout.splitlines()
    assert lines[1].split() == ["quiet", "bitaxe", "450", "1100", "-", "auto"]
    told = json.loads(home.run("profiles", "list", "--json").stdout)
    assert told[1] == {
        "name": "loud", "kind": "bitaxe", "frequency_mhz": None, "core_voltage_mv": None, "mode": "overclock",
        "fan": None,
    }  # fmt: skip


def test_without_a_file_it_says_how_to_make_one(home):
    assert "minectl profiles save NAME --from ID" in home.run("profiles").stdout


def test_removing_one_leaves_comments_and_the_others(home, file):
    assert home.run("profiles", "remove", "quiet").exit_code == 0
    text = file.read_text()
    assert text.startswith("# what works in July\n")
    assert text.endswith("# the loud one\n[loud]\nkind = bitaxe\nmode = overclock\n")
    assert "frequency" not in text


def test_a_name_is_written_over_only_when_asked_for(home, file):
    words = ("profiles", "save", "loud", "--kind", "bitaxe", "--mode", "turbo")
    done = home.run(*words)
    assert (done.exit_code, "--replace writes over it" in done.stderr) == (2, True)
    assert file.read_text() == MINE
    assert home.run(*words, "--replace").exit_code == 0
    assert profiles.load(file.parent)["loud"].mode == "turbo"
    assert list(profiles.load(file.parent)) == ["quiet", "loud"]


def test_apply_asks_each_setting_of_those_of_its_kind(home, file):
    done = home.run("profiles", "apply", "quiet", "--row", "b", "--yes", "--no-tick")
    assert done.exit_code == 0, done.output
    assert [(one.verb, one.args) for one in home.requests()] == [
        ("errand", ("b03", "tune", "frequency_mhz=450 core_voltage_mv=1100")),
        ("errand", ("b03", "fan", "auto")),
    ]
    assert "n01 is a nmminer, and profile quiet is for bitaxe" in done.stderr


def test_miners_profile_is_the_same(home, file):
    done = home.run("miners", "profile", "loud", "b01", "--dry-run", "--json")
    assert [one["args"] for one in json.loads(done.stdout)["requests"]] == [["b01", "mode", "overclock"]]
    assert not home.config.paths.inbox.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = bitaxe\n", "profiles.txt:1: 'kind = bitaxe' is not understood"),
        ("[a]\nkind = bitaxe\nmode = eco\n[a]\n", r"\[a\] stands twice \(first at line 1\)"),
        ("[a]\nkind = bitaxe\nfrequency_mhz = fast\n", "frequency_mhz is a whole number of MHz from 1 to 5000"),
        ("[a]\nkind = bitaxe\ncore_voltage_mv = 99999\n", "from 1 to 30000"),
        ("[a]\nmode = eco\n", "kind is missing"),
        ("[a]\nkind = bitaxe\n", "sets nothing"),
        ("[a]\nkind = bitaxe\nvoltage = 1\n", "'voltage' is not a setting"),
        ("[a]\nkind = bitaxe\nfan = fast\n", "fan is auto or a share"),
        ("[a]\nkind = Bit axe\nmode = eco\n", "is not one word"),
        ("[../x]\nkind = bitaxe\nmode = eco\n", "is no name of a profile"),
        ("[a]\nkind = bitaxe\nmode = eco\nmode = low\n", "profiles.txt:4"),
        ("[a]\nkind = bitaxe\nmode = e\x1bco\n", "profiles.txt:3"),
    ],
)
def test_a_wrong_file_is_told_with_its_line_or_profile(tmp_path, text, said):
    (tmp_path / "profiles.txt").write_text(text)
    with pytest.raises(ProfileError, match=said):
        profiles.load(tmp_path)


def test_bytes_that_are_no_text_are_told(tmp_path):
    (tmp_path / "profiles.txt").write_bytes(b"[a]\n\xff\n")
    with pytest.raises(ProfileError, match=r"profiles.txt:2: is not UTF-8"):
        profiles.load(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("save", "x"), "say where it comes from"),
        (("save", "x", "--from", "b01", "--kind", "bitaxe"), "say where it comes from"),
        (("save", "x", "--from", "zz"), "there is no miner 'zz'"),
        (("save", "no name!", "--from", "b01"), "is no name of a profile"),
        (("save", "x", "--kind", "bitaxe"), "sets nothing"),
        (("save", "x", "--kind", "bitax", "--mode", "eco"), "no miners of kind 'bitax' (did you mean bitaxe?)"),
        (("save", "x", "--kind", "roomalert", "--mode", "eco"), "there are no miners of kind 'roomalert' (known: "),
        (("save", "x", "--from", "b01", "--fan", "0100000"), "fan is auto or a share from 0 to 100"),
        (("apply", "nope", "b01"), "there is no profile 'nope'; there are quiet, loud"),
        (("remove", "nope"), "there is no profile 'nope'"),
    ],
)
def test_what_can_not_be_is_told_with_the_remedy(home, file, words, said):
    done = home.run("profiles", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert file.read_text() == MINE


def test_a_folder_that_can_not_be_written_is_told(tmp_path, monkeypatch):
    def full(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(profiles, "replace_file", full)
    with pytest.raises(ProfileError, match="No space left"):
        profiles.save(tmp_path, Profile("a", "bitaxe", mode="eco"), replace=False)


@pytest.mark.parametrize("verb", ["list", "save", "apply", "remove"])
def test_every_verb_has_help_with_an_example(home, verb):
    done = home.run("profiles", verb, "--help")
    assert done.exit_code == 0
    assert f"minectl profiles {verb}" in done.stdout


def test_what_is_saved_changed_and_removed_stands_in_the_audit_log(home):
    home.ticks(3, of=8)
    home.run("profiles", "save", "now", "--from", "b01")
    home.run("profiles", "save", "now", "--kind", "bitaxe", "--mode", "eco", "--replace")
    home.run("profiles", "remove", "now")
    was = "kind bitaxe, frequency_mhz 525, core_voltage_mv 1150"
    assert [(one.verb, one.args) for one in home.requests()] == [
        ("config", ("profiles.txt now", "", was)),
        ("config", ("profiles.txt now", was, "kind bitaxe, mode eco")),
        ("config", ("profiles.txt now", "kind bitaxe, mode eco", "")),
    ]
