import pytest

from mine_controller.store.db import Places


@pytest.fixture
def paths(tmp_path):
    return Places.under(tmp_path)
