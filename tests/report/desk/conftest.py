"""Report of the made-up chain, analyzed once."""

from __future__ import annotations

import pytest

import gammaflow as gf


@pytest.fixture(scope="session")
def demo():
    return gf.analyze(gf.demo_chain(), depth=294e6)
