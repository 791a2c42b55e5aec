"""Templates and the sample: what a new owner starts from."""

from pathlib import Path

import pytest

from mine_controller.config import catalogue
from mine_controller.config.lines import read
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.config.sample import kinds, sample
from mine_controller.config.sites import InitError, init, names, template
from mine_controller.core.option import Secret

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def stand_in_kinds():
    """Here only the real kinds count."""


def put(tmp_path, text):
    path = tmp_path / "config.txt"
    path.write_text(text)
    path.chmod(0o600)
    return path


def open_ends(text):
    """Section: what its note says, by the lines that are still to be filled in."""
    found, title = {}, ""
    for line in text.splitlines():
        key, _, value = line.partition(" = ")
        if line.startswith("["):
            title = line.strip("[]")
        elif value.strip() == "CHANGE-ME" and not key.startswith("#"):
            found.setdefault(title, []).append(key)
    return {title: f"not yet active: fill in {', '.join(keys)}" for title, keys in found.items()}


def test_a_fresh_site_checks_and_lists_what_is_not_yet_active(tmp_path):
    for site in names():
        init(site, tmp_path / site)
        config = load(tmp_path / site / "config.txt")
        assert config.site.live is False
        assert config.site.profile == site
        told = {note.section: note.text for note in config.notes if note.text.startswith("not yet active")}
        assert told == open_ends(template(site))
        assert len(told) >= 3


def test_the_coop_container_filled_in_has_nine_fans_and_every_required_input(tmp_path):
    text = template("coop-container").replace("CHANGE-ME", "filled").replace("live = no", "live = yes")
    (tmp_path / "fleet.csv").write_text(template("coop-container", "fleet.csv").replace("# a", "a"))
    config = load(put(tmp_path, text))
    wiring = config.policy.wiring
    assert [fan.name for fan in wiring.fans] == [str(number) for number in range(1, 10)]
    assert all(fan.watts for fan in wiring.fans)
    assert {"signal", "inlet_c", "humidity_pct", "smoke", "water", "stop"} <= set(wiring.roles)
    assert [[path.gentle for path in miner.paths] for miner in wiring.miners] == [[True, False], [True, False], [True]]
    assert set(wiring.lanes) == {"controlbyweb fans", "redfish pdu1", "foreman mine"}
    served = {name for name, rule in catalogue.rules().items() if set(rule.NEEDS or ["stop"]) & set(wiring.roles)}
    assert set(config.policy.rules) == {name for name in served if not hasattr(catalogue.rules()[name], "SECTION")}
    assert (config.policy.site.power_cap_w, config.policy.site.live) == (1_000_000, True)
    assert config.policy.site.require == ("signal", "inlet", "fan_proof", "power"), "whose silence is an emergency"


@pytest.mark.parametrize(
    ("site", "group"), [("coop-container", "foreman mine"), ("offgrid-container", "antminer rows")]
)
def test_what_a_sample_lets_the_owner_say_of_his_miners_power_counts(tmp_path, site, group):
    """It stood in [site], where the section's own 3400 W outdid it: miners of 5.4 kW counted as that in every start."""
    before, title, after = template(site).partition(f"[{group}]\n")
    own, blank, after = after.partition("\n\n")
    own = own.replace("hosts = CHANGE-ME", "hosts = 127.0.0.9").replace("CHANGE-ME", "filled")
    text = f"{before}{title}{own}{blank}{after}"
    assert text.count("\nnominal_w = 3400\n") == text.count("\nstandby_w = 25\n") == 1
    text = text.replace("nominal_w = 3400", "nominal_w = 5400").replace("standby_w = 25", "standby_w = 60")
    (tmp_path / "fleet.csv").write_text(f"id,mac,group\na001,02:00:00:00:00:01,{group}\n")
    (miner,) = load(put(tmp_path, text)).policy.wiring.miners
    assert (miner.nominal_w, miner.standby_w) == (5400, 60)


def test_the_home_fleet_filled_in_serves_every_make_by_its_own_word(tmp_path):
    hosts = iter(range(10, 250, 10))
    lines = template("home-fleet").splitlines()
    filled = [
        f"hosts = 10.0.0.{next(hosts)}"
        if line == "hosts = CHANGE-ME"
        else line.replace("url = CHANGE-ME", "url = stratum+tcp://pool.example:3333").replace("CHANGE-ME", "filled")
        for line in lines
    ]
    (tmp_path / "fleet.csv").write_text(template("home-fleet", "fleet.csv").replace("# a", "a"))
    config = load(put(tmp_path, "\n".join(filled) + "\n"))
    kinds = {endpoint.kind for endpoint in config.endpoints.values()}
    assert kinds == {"bitaxe", "nerdqaxe", "avalon", "antminer", "whatsminer", "cgminer", "xmrig", "nmminer"}
    assert [pool.name for pool in config.pools] == ["main"]
    assert [miner.id for miner in config.policy.wiring.miners] == ["a01", "a02", "a03"]
    paths = [[path.gentle for path in miner.paths] for miner in config.policy.wiring.miners]
    assert paths == [[True], [True], []], "nothing but their own word, and an NMMiner has none"
    assert "outlets" in config.policy.wiring.absent


def test_no_small_miner_counts_as_on_only_above_its_own_power():
    """15 % of nominal or twice the standby, whichever is more, must stay well under what the unit draws."""
    section, standby = "", {}
    for line in template("home-fleet").splitlines():
        section = line[1:-1] if line.startswith("[") else section
        name, _, value = line.partition(" = ")
        if name in ("nominal_w", "standby_w") and section != "site":
            standby.setdefault(section, {})[name] = int(value)
    both = [told for told in standby.values() if len(told) == 2]
    assert both
    assert all(2 * told["standby_w"] < told["nominal_w"] // 2 for told in both)


def test_the_fast_timer_and_the_site_that_knows_of_it_tell_the_same_seconds():
    timer = (TOP / "cron" / "minectl-fast.conf").read_text(encoding="utf-8")
    told = [line.partition("=")[2] for line in timer.splitlines() if line.startswith("OnUnitActiveSec=")]
    assert told == ["15"]
    assert "tick_s = 15" in timer
    reset = timer.index("OnBootSec=\n")
    assert reset < timer.index("OnBootSec=20"), "an empty value takes the two minutes away, then both are set anew"
    shown = template("home-fleet")
    assert "minectl-fast.conf" in shown
    assert shown.count("every_s = 60") == 3, "an ESP32 is read once a minute, however fast the ticks are"


def test_init_writes_a_private_config_a_fleet_and_a_folder_for_the_page(tmp_path):
    made = init("coop-container", tmp_path / "mine")
    assert [path.name for path in made] == ["config.txt", "fleet.csv", "www"]
    assert (tmp_path / "mine" / "config.txt").stat().st_mode & 0o777 == 0o600


def test_init_refuses_a_folder_that_holds_anything_and_force_writes_nothing_over(tmp_path):
    (tmp_path / "fleet.csv").write_text("mine")
    with pytest.raises(InitError, match="not empty"):
        init("coop-container", tmp_path)
    made = init("coop-container", tmp_path, force=True)
    assert [path.name for path in made] == ["config.txt", "www"]
    assert (tmp_path / "fleet.csv").read_text() == "mine"


def test_an_unknown_site_names_those_there_are(tmp_path):
    for site in ("moon", "../sites/coop-container", ""):
        with pytest.raises(InitError, match="coop-container"):
            init(site, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_every_prefix_of_the_coop_site_is_refused(tmp_path):
    """The form alone refuses each of them; every eighth also goes through the whole load."""
    text = template("coop-container")
    whole, path = len(text.rstrip()), tmp_path / "config.txt"
    path.touch(0o600)
    assert [size for size in range(whole + 1) if not read(text[:size]).problems] == [whole]
    for size in range(0, whole, 8):
        path.write_text(text[:size])
        with pytest.raises(ConfigError):
            load(path)


def test_what_needs_no_wiring_is_not_said_to_be_of_no_use(tmp_path):
    """The page, news of blocks, failover and alarms find these by their kind."""
    wallet = "wallets = D8exampleexampleexampleexample1111"
    text = template("agile-home").replace(
        "[wiring]",
        f"[machine own]\n[nut ups]\nhost = 127.0.0.1\n[stratum watch]\n[solopool dgb]\n{wallet}\n"
        f"[ckpool btc]\n{wallet}\n[p2pool own]\nurl = http://127.0.0.1:8090\n[iotawatt unused]\nurl = http://127.0.0.1\n[wiring]",
    )
    notes = [note for note in load(put(tmp_path, text)).notes if "nothing in [wiring]" in note.text]
    assert [note.section for note in notes] == ["iotawatt unused"]


def test_the_sample_checks(tmp_path):
    config = load(put(tmp_path, sample()))
    assert config.site.live is False


def test_the_sample_shows_every_option_of_everything():
    text = sample()
    for room in ("device", "channel"):
        for name in catalogue.known(room):
            part = sample(name)
            assert part in text
            for option in catalogue.declared(catalogue.find(room, name).Options):
                assert f"\n{option} = " in part or f"\n#{option} =" in part
    for name, module in catalogue.rules().items():
        own = catalogue.declared(module.Options) | catalogue.declared(getattr(module, "SECTION", module.Options))
        for option in [option for option, (_, about) in own.items() if about.kind != "sections"]:
            assert f"#{option} =" in sample(name)


def test_the_sample_of_one_kind_can_be_pasted(tmp_path):
    for name in kinds():
        assert "\t" not in sample(name)
    with pytest.raises(KeyError):
        sample("moon")


def test_no_line_of_the_sample_is_too_long_to_read():
    assert max(map(len, sample().split("\n"))) <= 120


def test_the_sample_holds_no_secret():
    seen = 0
    for name in catalogue.known("device"):
        for option, (annotation, about) in catalogue.declared(catalogue.find("device", name).Options).items():
            if annotation is Secret:
                seen += 1
                assert about.required or not about.default.reveal_length()
                assert f"\n{option} = CHANGE-ME" in sample(name) or f"\n#{option} =" in sample(name)
    assert seen >= 10


def test_the_config_at_the_top_of_the_tree_is_the_sample():
    assert (TOP / "config.txt").read_text(encoding="utf-8") == sample(), "run: minectl config sample > config.txt"
