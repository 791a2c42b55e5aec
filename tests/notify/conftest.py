import pytest
from notify.peers import BotApi, Http, Smtp


@pytest.fixture
def http():
    peer = Http()
    yield peer
    peer.close()


@pytest.fixture
def smtp():
    peer = Smtp()
    yield peer
    peer.close()


@pytest.fixture
def api(http):
    return BotApi(http)
