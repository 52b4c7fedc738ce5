"""A server that answers as the vendors of feeds do."""

from __future__ import annotations

import pytest

from support.feed_server import FeedServer


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running
