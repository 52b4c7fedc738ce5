"""A store of the demo's chain at several times, and pages of few words."""

from dataclasses import replace

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.store import Store

pytest.importorskip("pyarrow")

HOURS = (-30.0, -25.0, -3.0, -2.0, -1.0, 0.0)


@pytest.fixture(scope="session")
def chains():
    """The demo's chain at 6 times in two days, each at a spot of its own."""
    chain = gf.demo_chain()
    near = chain.select(gf.filters.dte(5, 60))
    return [
        replace(near, asof=chain.asof + pd.Timedelta(hours=hours), spot=chain.spot * (1.0 + 0.002 * hours))
        for hours in HOURS
    ]


@pytest.fixture
def store(tmp_path, chains):
    made = Store(tmp_path / "chains")
    for chain in chains:
        made.append(chain)
    return made


@pytest.fixture(scope="session")
def report_of():
    """Reports by their chain's time, each made once."""
    known = {}

    def make(chain):
        key = (chain.asof, chain.spot)
        if key not in known:
            known[key] = gf.analyze(chain)
        return known[key]

    return make
