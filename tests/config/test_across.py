"""What must agree between sections: marks of the grid, fans and miners, and names that lead nowhere."""

from pathlib import Path

import pytest

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
METER = "[sel735 feed]\nhost = 192.168.1.120\n"
OF_50 = "[grid]\nblock_hz = 49.8\nshed_hz = 49.5\noff_hz = 49.0\n"
OF_60 = "[grid]\nblock_hz = 59.9\nshed_hz = 59.7\noff_hz = 59.3\n"
SHELF = "[shelf one]\nhost = 192.168.1.130\n"


def site(write, *parts, nominal_hz=""):
    text = TEXT.replace("power_cap_kw", f"nominal_hz = {nominal_hz}\npower_cap_kw") if nominal_hz else TEXT
    return write(text.replace("[wiring]", "\n".join((METER, *parts)) + "\n[wiring]\ngrid_hz = sel735 feed"))


def told(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    lines = path.read_text().split("\n")
    return [(lines[one.line - 1].partition(" ")[0], one.text) for one in caught.value.problems]


def noted(path):
    lines = path.read_text().split("\n")
    return [(lines[one.line - 1].partition(" ")[0], one.text) for one in load(path).notes if one.line]


@pytest.mark.parametrize(
    ("marks", "nominal_hz", "line", "word"),
    [
        (OF_50, "60", "off_hz", "is more than 10 % below nominal_hz = 60 of [site]: it would protect nothing"),
        (OF_60, "50", "block_hz", "must be below nominal_hz = 50 of [site], or nothing ever starts"),
        (OF_50, "5", "nominal_hz", "5 Hz is no grid's: write 50 or 60"),
        ("", "44.9", "nominal_hz", "44.9 Hz is no grid's"),
    ],
)
def test_marks_of_another_grid_are_refused(write, marks, nominal_hz, line, word):
    ((begins, text),) = told(site(write, marks, nominal_hz=nominal_hz))
    assert (begins, word in text) == (line, True), text


@pytest.mark.parametrize(("marks", "nominal_hz"), [(OF_50, "50"), (OF_60, "60"), (OF_50, ""), (OF_60, ""), ("", "60")])
def test_marks_of_the_grid_that_is_there_are_taken(write, marks, nominal_hz):
    assert "grid" in load(site(write, marks, nominal_hz=nominal_hz)).policy.rules


@pytest.mark.parametrize(
    ("places", "line", "shown"),
    [
        ("www_dir = .", "www_dir", "config.txt and mine_data.db"),
        ("www_dir = /", "www_dir", "config.txt and mine_data.db"),
        ("data_dir = data\nwww_dir = data/../data", "www_dir", "mine_data.db"),
        ("data_dir = www/data", "data_dir", "mine_data.db"),
    ],
)
def test_a_folder_that_everybody_sees_holds_no_config_and_no_database(write, places, line, shown):
    """Whoever asked the service for /config.txt was given it, with the passwords in it."""
    ((begins, text),) = told(write(TEXT.replace("power_cap_kw", f"{places}\npower_cap_kw")))
    assert (begins, text) == (line, f"would show {shown} to whoever sees the page: take a folder apart")


def test_a_page_beside_the_config_or_beside_the_database_is_taken(write):
    for places in ("", "www_dir = page\n", "data_dir = data\nwww_dir = data/www\n", "data_dir = www-data\n"):
        assert load(write(TEXT.replace("power_cap_kw", f"{places}power_cap_kw"))).site.name


def test_a_breaker_on_a_phase_that_no_line_limits_is_refused(write):
    """With `phase l1` in its line its miners counted on no phase, and a phase could be overloaded without a word."""
    limits, breaker = "phase L1 = 60 A 230 V\nphase L2 = 60 A 230 V\n", "breaker b2 = 40 A 240 V phase l1\n"
    assert "breaker b1 = " in TEXT
    ((begins, text),) = told(write(TEXT.replace("breaker b1 = ", f"{limits}{breaker}breaker b1 = ")))
    assert (begins, text) == ("breaker", "there is no phase l1 (known: L1, L2)")
    assert load(write(TEXT.replace("breaker b1 = ", f"{breaker}breaker b1 = "))).policy.wiring.breakers[0].phase == "l1"


@pytest.mark.parametrize(
    ("section", "line", "word"),
    [
        ("[schedule night]\nstop = yes\nof = cloud mine, a001, a009\n", "of", "no miner and no group 'a009'"),
        ("[schedule night]\nstop = yes\nof = cloud min\n", "of", "(did you mean cloud mine?): it means nobody"),
        ("[schedule night]\nmodes = eco, lwo\n", "modes", "no miner here has a mode 'lwo'"),
        ("[tuning one]\nminers = shelf two\n", "miners", "(did you mean shelf one?): it means nobody"),
        ("[profit BTC]\nprice = 9\nreward = 3\ndifficulty_from = pools x:difficulty\n", "difficulty_from",
         "there is no section [pools x], so it is never known"),
        ("[profit BTC]\ndifficulty = 9\nreward = 3\nprice_from = coins\n", "price_from", "'coins' is no channel like"),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_noted(write, section, line, word):
    found = [text for begins, text in noted(site(write, SHELF, section)) if begins == line]
    assert len(found) == 1, found
    assert word in found[0]


def test_names_of_miners_groups_modes_and_channels_are_no_news(write):
    parts = (
        "[schedule night]\nmodes = eco\nof = cloud mine, a002\n",
        "[tuning one]\nminers = shelf one, a001\n",
        "[profit BTC]\nprice = 9\nreward = 3\ndifficulty_from = meter fans/x:difficulty\n",
    )
    assert not [text for line, text in noted(site(write, SHELF, *parts)) if line in ("of", "modes", "miners")]


def test_the_pool_of_a_window_has_to_be_there(write):
    pool = "[pool main]\nurl = pool.example:3333\nuser = me\n"
    ((begins, text),) = told(site(write, pool, "[schedule night]\npool = mian\n"))
    assert (begins, text) == ("pool", "there is no [pool mian] (did you mean main?)")
    assert "schedule" in load(site(write, pool, "[schedule night]\npool = main\n")).policy.rules


@pytest.mark.parametrize("rule", ["schedule", "band", "profit"])
def test_a_rule_of_named_sections_that_has_none_asks_for_one(write, rule):
    ((begins, text),) = told(site(write, f"[{rule}]\n"))
    assert (begins, text) == (f"[{rule}]", f"does nothing without a section [{rule} NAME]: write one or take it out")


def test_where_the_named_section_is_wrong_its_rule_is_told_nothing_more(write):
    ((begins, text),) = told(site(write, "[schedule]\naway = yes\n\n[schedule night]\nstop = ja\n"))
    assert begins == "stop"
    assert "neither yes nor no" in text


@pytest.mark.parametrize("mark", ["block_hz", "shed_hz", "off_hz"])
def test_marks_that_are_not_all_written_are_told_by_their_own_check(write, mark):
    lines = [line for line in OF_50.split("\n") if not line.startswith(mark)]
    ((_, text),) = told(site(write, "\n".join(lines), nominal_hz="50"))
    assert text.endswith("write all three or none")


PRICES = {
    "octopus": "[octopus agile]\nregion = H\n",
    "awattar": "[awattar market]\nurl = https://api.awattar.de\n",
    "nordpool": "[nordpool se3]\narea = SE3\ncurrency = SEK\n",
}


@pytest.mark.parametrize(
    ("kind", "currency", "told"),
    [
        ("octopus", "", "its prices are in GBP and `currency` of [site] is USD"),
        ("octopus", "GBP", ""),
        ("octopus", "gbp", ""),
        ("awattar", "GBP", "its prices are in EUR and `currency` of [site] is GBP"),
        ("nordpool", "EUR", "its prices are in SEK and `currency` of [site] is EUR"),
        ("nordpool", "SEK", ""),
    ],
)
def test_prices_in_another_currency_than_the_sites_are_a_note(write, kind, currency, told):
    """Bands in cents under prices in ore are eleven times off, and no answer of the publisher can show it."""
    text = TEXT.replace("power_cap_kw", f"currency = {currency}\npower_cap_kw") if currency else TEXT
    section = PRICES[kind]
    title = section.partition("]")[0].removeprefix("[")
    found = noted(write(text.replace("[wiring]", f"{section}\n[wiring]\nprice = {title}")))
    said = [words for begins, words in found if begins == f"[{kind}"]
    assert [words.startswith(told) for words in said] == ([True] if told else []), found


ONE_FAN = "fan 2 = switch relay fans/2, watts meter fans/Fan_2, normal 1500, active_low\n"


SMALL = "[air]\nminer_air_m3s = 1\nfan_air_m3s = 1.5\n\n[end]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT, []),
        (TEXT.replace(ONE_FAN, ""), ["one fan alone is the spare, and gives air to nobody: no miner starts"]),
        (
            TEXT.replace("[end]", SMALL),
            ["2 fans, one of them the spare, give air to 1 of 3 miners: the others do not start"],
        ),
    ],
)
def test_fewer_fans_than_the_miners_need_are_noted(write, text, words):
    """Nothing said so: the page went on to speak of a climb."""
    assert [said for begins, said in noted(write(text)) if begins.startswith("[wiring")] == words


@pytest.mark.parametrize(
    ("amps", "words"),
    [(40, []), (18, ["bears 3456 W: too little for a001 (3500 W) and 1 more, even alone: no start"])],
)
def test_a_branch_too_weak_for_one_of_its_own_miners_is_noted(write, amps, words):
    """It never starts, and the page says of it that there is no room on its branch now."""
    text = TEXT.replace("breaker b1 = 40 A 240 V", f"breaker b1 = {amps} A 240 V")
    assert text.count(f" = {amps} A 240 V") == 1
    assert [said for begins, said in noted(write(text)) if begins == "breaker"] == words


SOURCE = "[mqtt source]\nhost = 192.168.1.140\ntopics = generator load_pct tele/generator json Load 0..200\n"


@pytest.mark.parametrize("rating", ["", "source_kw = 450", "source_curve = 25:450, 40:410"])
def test_a_generators_load_without_its_rating_is_noted(write, rating):
    """Idle at 0 % it left room for no miner, for ever."""
    text = TEXT.replace(
        "[wiring]", f"{SOURCE}\n[supply]\n{rating}\n\n[wiring]\ngenerator_load_pct = mqtt source/generator"
    )
    found = [said for begins, said in noted(write(text)) if begins == "generator_load_pct"]
    words = "is a share of a rating that [supply] does not tell: write its source_kw, or an idle mine may not start"
    assert found == ([] if rating else [words])


@pytest.mark.parametrize(("normal", "words"), [(1500, []), (10, []), (2, ["normal 2 W"]), (9, ["normal 9 W"])])
def test_a_fans_normal_power_written_in_kilowatts_is_noted(write, normal, words):
    """Half of 2 W proved its air, and a clamp on a fan that stands shows as much by itself."""
    text = TEXT.replace("normal 1500", f"normal {normal}", 1)
    assert f"normal {normal}" in text
    found = [said for begins, said in noted(write(text)) if begins == "fan"]
    assert found == [f"{word} may be a meter's noise, which would prove air: is it in watts?" for word in words]


@pytest.mark.parametrize(
    ("written", "option", "shown"),
    [
        ("power_cap_kw = 7000", "power_cap_kw", "7000"),
        ("power_cap_kw = 900", "", ""),  # few are listed as yet
        ("power_cap_kw = 1440\n\n[demand]\nlimit_kw = 10000", "limit_kw", "10000"),
        ("power_cap_kw = 1440\n\n[supply]\nsource_kw = 20000\nunknown_kw = 5", "source_kw", "20000"),
        ("power_cap_kw = 1440\n\n[schedule night]\nhours = 22:00-06:00\nmax_kw = 4000", "max_kw", "4000"),
    ],
)
def test_kilowatts_that_were_meant_as_watts_are_noted(write, written, option, shown):
    """A cap a thousand times too high is none, and nothing said so."""
    before = next(line for line in TEXT.split("\n") if line.startswith("power_cap_kw"))
    found = [(begins, said) for begins, said in noted(write(TEXT.replace(before, written))) if "meant in watts" in said]
    words = f"{shown} kW, and all that is listed draws 13.2 kW: was that meant in watts?"
    assert found == ([(option, words)] if option else [])


DESK = "[avalon desk]\nhosts = 127.0.0.9\n"
NANO = "id,mac,group,nominal_w\nn1,02:00:00:00:00:01,avalon desk,140\nn2,02:00:00:00:00:02,avalon desk,\n"


@pytest.mark.parametrize(
    ("options", "begins", "named"),
    [
        ("", "[avalon", "n1 (140 W)"),  # its section's default is another model's
        ("standby_w = 70\n", "standby_w", "n1 (140 W)"),
        ("standby_w = 69\n", "", ""),
        ("nominal_w = 140\n", "nominal_w", "n1 (140 W, as 1 more)"),
        ("nominal_w = 140\nstandby_w = 5\n", "", ""),
    ],
)
def test_a_miner_that_would_never_count_as_running_is_noted(write, options, begins, named):
    """140 W is not above twice the 150 W of its section: dark by its watts while it hashes, and no start is proven."""
    text = TEXT.replace("[wiring]", f"{DESK}{options}\n[wiring]")
    found = [(at, said) for at, said in noted(write(text, fleet=NANO)) if "never seen to run" in said]
    words = "up to twice this, {} W, is off: {} is never seen to run; write what it draws asleep, in a section"
    words += " of its own where others draw more"
    mark_w = 140 if "70" in options else 300
    assert found == ([(begins, words.format(mark_w, named))] if begins else [])


def test_a_miner_whose_group_is_mistyped_is_told_as_that_however_little_it_draws(write):
    """CFG1: the figures of a miner were compared with those of a section that nobody has written."""
    fleet = "id,mac,group,outlet,nominal_w\nm1,02:00:00:00:00:01,avalon dsk,http_pdu plug/0,18\n"
    plug = "[http_pdu plug]\nurl = http://127.0.0.1:1\noutlets = 0\nread_url = /{outlet}\nstate_path = a\n"
    plug += "watts_path = b\non_url = /on\noff_url = /off\n"
    with pytest.raises(ConfigError) as caught:
        load(write(TEXT.replace("[wiring]", f"{plug}\n[wiring]"), fleet=fleet))
    assert any("there is no section [avalon dsk]" in one.text for one in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("option", ["data_dir", "run_dir", "www_dir"])
@pytest.mark.parametrize(("folder", "why"), [("x" * 300, "File name too long"), ("ring", "Too many levels")])
def test_a_folder_that_no_path_leads_to_is_refused(write, option, folder, why):
    """The check called it good, and each tick ended in a traceback."""
    path = write(TEXT.replace("[site]\n", f"[site]\n{option} = {folder}\n"))
    (path.parent / "ring").symlink_to("ring")
    found = [(begins, why in text and "write another" in text) for begins, text in told(path)]
    assert found == [(option, True)]


CHAT = "[telegram family]\ntoken = CHANGE-ME\nchat_id = -100\n\n[sms]\naccount = AC1\ntoken = canary-sms\n"
PHONE = "sender = +15550001111\nto = +15550002222\n"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("telegram", []),  # both kinds of name, and one that is not filled in yet
        ("telegram family, sms", []),
        ("telegrm", ["telegrm"]),
        ("telegram wife, sms", ["telegram wife"]),
        ("deadman", ["deadman"]),
        ("quiet", ["quiet"]),
    ],
)
def test_a_heartbeat_by_a_section_that_tells_nobody_is_noted(write, names, told):
    """With `channels = telegrm` no heartbeat ever came, and nothing said why."""
    sections = f"{CHAT}{PHONE}\n[deadman]\nurl = https://ping.example/canary\n\n[heartbeat]\nchannels = {names}\n"
    found = [
        text for begins, text in noted(write(TEXT.replace("[wiring]", f"{sections}\n[wiring]"))) if begins == "channels"
    ]
    assert [text.partition(":")[0] for text in found] == [f"there is no [{name}] that tells anybody" for name in told]


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("[telegram wife]\ntoken = canary-token\nchat_id = -100\n", ["telegram wife"]),
        ("[telegram wife]\ntoken = canary-token\nchat_id = -101\n", []),
        ("[telegram wife]\ntoken = canary-token\nchat_id = -100\nleast = emergency\n", []),
    ],
)
def test_a_channel_that_stands_there_twice_is_noted(write, second, told):
    """Every letter came twice, and the check found nothing wrong."""
    section = f"[telegram]\ntoken = canary-token\nchat_id = -100\n\n{second}\n"
    notes = load(write(TEXT.replace("[wiring]", f"{section}[wiring]"))).notes
    assert [one.section for one in notes if "says the same as [telegram] (line " in one.text] == told


@pytest.mark.parametrize(("chat", "told"), [("-100", []), ("@mine", ["users"])])
def test_users_of_a_chat_written_by_its_name_are_noted(write, chat, told):
    """They do no harm: a config that told this channel well for years was refused, and so was each new version."""
    section = f"[telegram]\ntoken = canary-token\nchat_id = {chat}\nusers = 7\n\n"
    found = [one for one in noted(write(TEXT.replace("[wiring]", f"{section}[wiring]"))) if one[0] == "users"]
    assert [begins for begins, _ in found] == told
    assert all("nobody is listened to in @mine: write the number of the chat as chat_id" in text for _, text in found)


def test_a_zone_of_the_signal_pages_time_that_is_none_is_refused(write):
    """No time of the page could be told by it: with `max_page_age_s` no page was ever read."""
    page = "[power_signal coop]\nurl = https://coop.example/s\nselector = #a\nrun_if = < 1\noff_if = >= 1\n"
    ((begins, text),) = told(write(TEXT.replace("[wiring]", f"{page}time_zone = America/Chcago\n\n[wiring]")))
    assert (begins, "there is no time zone 'America/Chcago'" in text) == ("time_zone", True)


@pytest.mark.parametrize(
    ("rhythm", "signal", "said"),
    [
        ("tick_s = 120", "", []),
        ("tick_s = 180", "", []),
        ("tick_s = 240", "", [("tick_s", "obey_within_s = 300 of [signal]")]),
        ("tick_minutes = 5", "", [("tick_minutes", "obey_within_s = 300 of [signal]")]),
        ("tick_s = 300", "obey_within_s = 420\nnotice_s = 900\n", []),
        ("tick_s = 240", "obey_within_s = 240\n", [("obey_within_s", "obey_within_s = 240 of [signal]")]),
    ],
)
def test_ticks_too_far_apart_for_what_the_contract_allows_are_noted(write, rhythm, signal, said):
    """With a tick every five minutes every curtailment was late and cut all miners at their outlets, in silence."""
    text = TEXT.replace("timezone", f"{rhythm}\ntimezone")
    found = noted(write(text.replace("[wiring]", f"[signal]\n{signal}\n[wiring]") if signal else text))
    assert [line for line, words in found if "outlet" in words and "soon" in words] == [line for line, _ in said]
    for line, words in said:
        assert any(line == at and words in told for at, told in found)


@pytest.mark.parametrize(
    ("rhythm", "section", "line"),
    [
        ("tick_s = 360", "", "tick_s"),
        ("tick_minutes = 10", "", "tick_minutes"),
        ("tick_s = 180", "[signal]\ngrace_s = 180\n", "grace_s"),
        ("tick_s = 180", "[signal]\ngrace_s = 181\n", ""),
        ("tick_s = 360", "[signal]\nfail_safe = hold\n", ""),
        ("", "", ""),
    ],
)
def test_a_grace_that_one_missed_look_uses_up_is_noted(write, rhythm, section, line):
    """Ten minutes between ticks: one page that could not be read, and the whole mine was curtailed as blind."""
    text = TEXT.replace("timezone", f"{rhythm}\ntimezone") if rhythm else TEXT
    found = noted(write(text.replace("[wiring]", f"{section}\n[wiring]")))
    assert [at for at, words in found if "a single look that fails" in words] == [line] * bool(line)


@pytest.mark.parametrize(
    ("written", "option", "shown"),
    [
        ("power_cap_kw = {little}", "power_cap_kw", True),
        ("power_cap_kw = {enough}", "power_cap_kw", False),
        ("power_cap_kw = 1440\n\n[demand]\nlimit_kw = {little}", "limit_kw", True),
        ("power_cap_kw = 1440\n\n[supply]\nsource_kw = {little}\nunknown_kw = 1", "source_kw", True),
        ("power_cap_kw = 0\n\n[demand]\nlimit_kw = 0", "", False),
    ],
)
def test_a_ceiling_under_which_not_one_miner_may_run_is_noted(write, written, option, shown):
    """What all draw asleep is beneath every ceiling: load went to it for ever, and nothing said why nobody starts."""
    miners = load(write()).policy.wiring.miners
    least_w = sum(spec.standby_w for spec in miners) + min(spec.nominal_w - spec.standby_w for spec in miners)
    before = next(line for line in TEXT.split("\n") if line.startswith("power_cap_kw"))
    figures = written.format(little=(least_w - 1) / 1000, enough=least_w / 1000)
    found = [one for one in noted(write(TEXT.replace(before, figures))) if "not even one" in one[1]]
    assert [at for at, _ in found] == [option] * shown
    assert all(f"{least_w / 1000:g} kW" in text for _, text in found)
