"""[alarms] and [alarm KIND]: every kind by its catalogue's defaults, every mistake told."""

import pytest

from mine_controller.config.alarms import KIND, options_of, read, tree
from mine_controller.config.edit import is_secret
from mine_controller.config.lines import read as read_lines
from mine_controller.config.values import Place
from mine_controller.config.work import Work
from mine_controller.core.alarms.catalogue import KINDS, default_ways
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.option import fill
from mine_controller.store.policies import build


def policy(tmp_path, text):
    work = Work(Place(tmp_path, private=True))
    document = read_lines(text + "\n[end]\n")
    assert document.problems == ()
    return read(document.sections.values(), work), [one.text for one in work.problems]


def test_a_config_without_a_word_of_alarms_is_the_catalogue(tmp_path):
    assert policy(tmp_path, "") == (AlarmPolicy(), [])


def test_a_section_changes_what_it_names_and_leaves_the_rest(tmp_path):
    found, problems = policy(tmp_path, "[alarm temperature_warning]\nthreshold = 32\nclear = 30\nroute = emergency")
    assert problems == []
    assert found.kinds == {
        "temperature_warning": default_ways("temperature_warning")._replace(
            threshold=32.0, clear=30.0, route="emergency"
        )
    }


def test_how_often_an_emergency_is_told_again_is_the_owners(tmp_path):
    found, _ = policy(tmp_path, "[alarms]\nrepeat_s = 300")
    assert (found.repeat_s, found.repeat_then_s) == (300, 3600)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_declares_its_options_with_the_catalogues_defaults(kind):
    assert default_ways(kind)._replace(**fill(options_of(kind))._asdict()) == default_ways(kind)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[alarm fan_falt]\non = no", "did you mean fan_fault?"),
        ("[alarm]\non = no", "needs the name of a kind"),
        ("[alarms mine]\nrepeat_s = 300", "takes no name"),
        ("[alarm fan_fault]\nthreshold = 3", "is not an option"),
        ("[alarm share_loss]\nthreshold = 3", "is not an option"),  # it is share_loss_pct of [uplinks]
        ("[alarm smoke]\non = no", "can't be switched off"),
        ("[alarm heat_stop]\nlevel = warning", "can't be less than emergency"),
        ("[alarm heat_stop]\ndelay_s = 600", "waits no longer"),
        ("[alarm temperature_danger]\nthreshold = 60", "at the latest"),
        ("[alarm temperature_warning]\nthreshold = 30\nclear = 31", "must be below threshold"),
        ("[alarm fan_fault]\nlevel = loud", "loud"),
        ("[alarms]\nrepeat_s = 5", "outside"),
    ],
)
def test_a_mistake_is_told_with_what_would_work(tmp_path, text, word):
    _, problems = policy(tmp_path, text)
    assert any(word in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("text", "noted"),
    [("threshold = 40", 1), ("threshold = 40\non = yes", 0), ("threshold = 40\non = no", 0)],
)
def test_a_figure_of_a_kind_that_is_off_by_itself_is_noted(tmp_path, text, noted):
    """Whoever wrote a price to be told at was told nothing."""
    work = Work(Place(tmp_path, private=True))
    read(read_lines(f"[alarm price_high]\n{text}\n[alarm door_open]\ndelay_s = 60\n[end]\n").sections.values(), work)
    told = [(one.section, one.text) for one in work.notes]
    assert told == [("alarm price_high", "tells nobody: this kind is off until you write on = yes")] * noted


def test_what_counts_is_shown_section_by_section(tmp_path):
    found, _ = policy(tmp_path, "[alarm fan_fault]\non = no")
    assert tree(found)[f"{KIND} fan_fault"]["on"] is False
    assert "threshold" not in tree(found)[f"{KIND} fan_fault"]


def test_a_policy_of_alarms_is_kept_for_replay_and_comes_back(tmp_path):
    found, _ = policy(tmp_path, "[alarms]\nrepeat_s = 300\n[alarm fan_fault]\non = no")
    packed = {**found._asdict(), "kinds": {name: ways._asdict() for name, ways in found.kinds.items()}}
    assert build(AlarmPolicy, packed) == found


def test_a_change_of_an_alarm_is_no_secret():
    assert not is_secret(f"{KIND} fan_fault", "cool_s")
    assert not is_secret("alarms", "repeat_s")
