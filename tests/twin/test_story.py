import pytest

from mine_controller.twin import agile, coop, home, offgrid, story

CONTAINER = ("blind-page", "coop-day", "pdus-dead", "silent-tenth")
MIDNIGHT = 1_784_073_600  # 2026-07-15 00:00 UTC


def steps(text, start_s, to_s, zone="UTC"):
    return [(s.at_s, s.what, s.words) for s in story.Script(story.parse(text), MIDNIGHT + start_s, zone).due(to_s)]


def test_an_event_with_a_length_ends_itself():
    assert steps("14:00 signal off for 3h", 0, 86_000) == [(50_400, "signal", "off"), (61_200, "signal", "run")]


def test_a_story_repeats_every_day():
    at = [s[0] for s in steps("01:00 fan 4 break for 30m", 0, 3 * 86_400 - 1)]
    assert at == [3600, 5400, 90_000, 91_800, 176_400, 178_200]


def test_a_story_entered_late_catches_up_with_what_still_holds():
    text = "09:00 fan 4 break for 8h\n09:00 smoke on for 10m\n08:00 miner a001 mute"
    assert steps(text, 12 * 3600, 0) == [(0, "miner", "a001 mute"), (0, "fan", "4 break")]
    assert steps(text, 12 * 3600, 6 * 3600)[-1] == (5 * 3600, "fan", "4 mend")


def test_times_are_local():
    assert steps("14:00 signal off for 1h", 0, 70_000, "America/Chicago") == [(68_400, "signal", "off")]


def test_every_bad_line_is_told_at_once_with_its_number():
    with pytest.raises(story.StoryError) as caught:
        story.parse(
            "title x\n25:00 signal off\n10:00 signal maybe\n10:00 moon full\n10:00 fan 1 break for ever\nfan 1 break"
        )
    assert [number for number, _ in caught.value.problems] == [2, 3, 4, 5, 6]
    assert "for example: signal off" in caught.value.problems[1][1]


@pytest.mark.parametrize(
    ("text", "length"), [("90m", 5400), ("1h30m", 5400), ("3h", 10_800), ("45s", 45), ("2d", 172_800)]
)
def test_lengths_are_read(text, length):
    assert story.seconds(text) == length


@pytest.mark.parametrize("text", ["", "3", "h", "3 hours", "-1h"])
def test_other_lengths_are_not(text):
    with pytest.raises(ValueError, match="no length of time"):
        story.seconds(text)


@pytest.mark.parametrize("what", sorted(story.GRAMMAR))
def test_every_example_of_the_grammar_is_readable_and_playable(small, what):
    example = story.GRAMMAR[what][1]
    told = story.parse(f"00:10 {example} for 10m")
    house = home.build(1, story=told, only=("antminer",))
    sites = (small(story=told, metered=True), house, offgrid.build(1, story=told, miners=4))
    shelf = agile.build(1, story=told)
    for site in (*sites, shelf):
        site.advance(1300)
    assert [what, what] in [[step.what for step in site.told if step.what == what] for site in (*sites, shelf)]
    assert all(len(site.told) + len(site.unfit) == 2 for site in sites)


@pytest.mark.parametrize("name", CONTAINER)
def test_the_packaged_stories_of_the_container_hold_a_curtailment_of_three_hours(name):
    told = story.packaged(name)
    assert told.title
    assert [(e.at_s, e.for_s) for e in told.events if (e.what, e.words) == ("signal", "off")] == [(50_400, 10_800)]


def test_the_packaged_stories_are_those_of_the_sites():
    assert {*CONTAINER, "home-day", "offgrid-day"} <= set(story.names())
    tenth = [e for e in story.packaged("silent-tenth").events if e.what == "miner"]
    assert len(tenth) == 28


def test_the_co_op_day_plays_through_and_mends_what_it_broke():
    site = coop.build(1)
    site.advance(14 * 3600 + 60)
    assert site.world.signal == site.page.signal == "off"
    assert site.page.changed == "July 15, 2026 2:00 PM"
    assert site.world.fans.broken == [False] * 3 + [True] + [False] * 5
    assert site.world.weather.ambient_c(site.world.now_s) > 32
    site.advance(20 * 3600)
    assert site.world.signal == "run"
    assert not any(site.world.fans.broken)


def test_a_blank_page_hides_the_truth_without_changing_it(small):
    site = small(story=story.packaged("blind-page"))
    site.advance(14 * 3600 + 60)
    assert (site.world.signal, site.page.signal) == ("off", "blank")
    site.advance(17 * 3600 + 1300)
    assert (site.world.signal, site.page.signal) == ("run", "run")


def test_a_welded_outlet_and_a_dead_supply_change_the_watts_at_once(small):
    site = small(story=story.parse("00:10 miner a003 dead for 10m"))
    site.advance(660)
    assert site.world.miner_w(2) == 0
    site.advance(1201)
    assert site.world.word(2) == "booting"


def test_what_a_story_asks_of_units_a_small_site_lacks_is_left_out_and_listed(small):
    site = small(
        story=story.parse("00:01 miner a200 mute\n00:01 outlet pdu9/A1 weld\n00:01 device redfish pdu7 silent")
    )
    site.advance(120)
    assert [step.what for step in site.unfit] == ["miner", "outlet", "device"]
    assert site.told == []


def test_a_story_with_the_mark_of_a_windows_editor_is_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbftitle x\r\n10:00 signal off for 1h\r\n")
    assert story.read(tmp_path / "a.txt").title == "x"


def test_a_story_that_is_no_text_is_told_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"title x\n# caf\xe9\n")
    with pytest.raises(story.StoryError) as caught:
        story.read(tmp_path / "a.txt")
    assert caught.value.problems == ((2, "no UTF-8 text"),)


@pytest.mark.parametrize("line", ["10:00 signal off for 0h", "10:00:75 signal off"])
def test_a_length_of_nothing_and_a_second_that_is_none_are_told(line):
    """`for 0h` curtailed for ever."""
    with pytest.raises(story.StoryError):
        story.parse(line)


def test_a_probe_that_is_not_there_is_unfit():
    site = coop.build(1, miners=4, pdus=1, story=story.parse("00:00 sensor 3 unplug\n00:00 sensor 8 unplug"))
    site.advance(60)
    assert [step.words for step in site.unfit] == ["8 unplug"]
