import pytest
from store import ledger

from mine_controller.store.db import Places


@pytest.fixture
def paths(tmp_path):
    return Places.under(tmp_path)


@pytest.fixture
def rules():
    return ledger.policy(4)
