"""Fans on the page where no meter tells of them: absent is not nought."""

import sample
from test_page import read

from mine_controller.core.wording.words import sentence
from mine_controller.render import page, view
from mine_controller.render.given import History


def site(metered=(), silent=()):
    """A container whose fans have a meter where `metered` names them; without one a fan never leaves "starting"."""
    made, wired = sample.book("RUNNING", 20), sample.wiring(20)
    wired = wired._replace(fans=tuple(one if one.name in metered else one._replace(watts="") for one in wired.fans))
    dark = tuple(one if one.name in metered else one._replace(watts=None, watts_at=0) for one in made.image.fans)
    dark = tuple(one._replace(on=None, on_at=0) if one.name in silent else one for one in dark)
    kept = {
        name: one if name in metered or one.state == "off" else one._replace(state="starting")
        for name, one in made.state.fans.items()
    }
    made = made._replace(image=made.image._replace(fans=dark), state=made.state._replace(fans=kept))
    return view.view(made, sample.facts(20, wiring=wired), History(), sentence, sample.NOW)


def fans_figure(shown):
    [one] = [one for one in shown["figures"] if one["name"] == "Fans"]
    return one["value"], one["note"]


def test_fans_without_any_meter_are_told_by_their_relays_and_not_as_nought_that_prove_air():
    shown = site()
    assert fans_figure(shown) == ("8", "of 9 on by their relays, no meter")
    text = read(page.render(shown)).text
    assert "8 of 9 on by their relays" in text
    assert "0 of 0 known" not in text
    assert {one["caption"] for one in shown["air"]["fans"]} == {"on, no meter", "off"}


def test_a_relay_that_is_silent_is_unknown_there_too():
    assert fans_figure(site(silent=("1",))) == ("7", "of 9 on by their relays, no meter, 1 unknown")
    assert fans_figure(site(silent="123456789")) == ("unknown", "0 of 9 known")


def test_where_some_have_a_meter_those_prove_air_and_the_others_say_that_they_have_none():
    shown = site(metered=("1", "2"))
    assert fans_figure(shown) == ("2", "of 9 prove air")
    captions = [one["caption"] for one in shown["air"]["fans"]]
    assert captions[:3] == ["air proven", "air proven", "on, no meter"]
