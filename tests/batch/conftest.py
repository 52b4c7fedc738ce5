"""A store of ten small chains."""

import pytest

from support.batch_chains import fill


@pytest.fixture
def store(tmp_path):
    """Five days of BTC and five of ETH."""
    return fill(tmp_path / "store")
