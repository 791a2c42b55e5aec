"""Nobody is told a login that is another's."""

import pytest
from notify.test_channels import NEWS, TOKEN, soon

from mine_controller.core.option import Secret, fill
from mine_controller.notify import chat, deadman, discord, telegram


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    """A login for every host without one of its own, as git and ftp have it."""
    (tmp_path / "netrc").write_text("default login me password netrc-canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def logins(http):
    return [asked.headers.get("Authorization") for asked in http.asked]


def test_a_login_in_netrc_goes_to_no_service(http, netrc):
    """The library sends it along by itself: somebody's password lay in another service's log."""
    deadman.ping(fill(deadman.Options, {"url": Secret(f"{http.url}/check")}), "success", "", soon())
    discord.send(fill(discord.Options, {"webhook": Secret(f"{http.url}/api/webhooks/1/x")}), NEWS, soon())
    bot = {"token": Secret(TOKEN), "chat_id": "-100", "api_url": http.url}
    chat.fetch(fill(telegram.Options, bot), None, soon())
    assert logins(http) == [None] * 3


def test_a_login_in_the_address_of_a_dead_man_goes_to_it(http, netrc):
    url = http.url.replace("http://", "http://mine:p%40ss@")
    assert deadman.ping(fill(deadman.Options, {"url": Secret(f"{url}/check")}), "success", "", soon()).ok
    assert logins(http) == ["Basic bWluZTpwQHNz"]
