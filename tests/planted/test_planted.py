"""Every planted bug dies, each in its own story, and the same story without it is clean."""

import pytest
from laws.stages import fleet, home, stage, weak

from mine_controller.core import choose
from mine_controller.play.audit import GUARDS
from mine_controller.play.lasting import OUTCOMES
from mine_controller.play.planted import BUGS, plant

SITES = {"agile-home": home, "offgrid-container": weak, "home-fleet": fleet}


def played(bug):
    about = dict(bug.stage)
    build = SITES.get(about.pop("site", ""), stage)
    return build(**about).play(bug.deeds, bug.ticks)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_bug_is_seen_by_all_that_should_see_it_and_nobody_cries_without_it(bug):
    assert played(bug).found == ()
    with plant(bug):
        found = played(bug).found
    assert set(bug.by) <= {name for name, _ in found}, f"{bug.what}: seen by {sorted({name for name, _ in found})}"


def test_there_are_at_least_thirty_and_every_invariant_kills_one():
    assert len(BUGS) >= 30
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert {name for bug in BUGS for name in bug.by} == set(GUARDS) | set(OUTCOMES)


def test_a_bug_is_gone_when_its_story_is_over():
    right = choose._stops
    bug = next(one for one in BUGS if one.where == "core.choose:_stops")
    with pytest.raises(ZeroDivisionError), plant(bug):
        fail_if(choose._stops is not right)
    assert choose._stops is right


def fail_if(planted):
    if planted:
        raise ZeroDivisionError
