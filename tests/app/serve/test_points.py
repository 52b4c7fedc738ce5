import json

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.app.serve.points import point_of


@pytest.fixture(scope="module")
def report():
    return gf.analyze(gf.demo_chain())


def test_a_point_is_the_levels_and_gamma_by_strike_near_spot(report):
    point = json.loads(json.dumps(point_of(report), allow_nan=False))
    levels, book = report.levels, report.book
    assert point["asof"] == "2026-02-05T09:36:00+00:00"
    assert (point["spot"], point["gamma"]) == (book.spot, levels.gamma)
    assert (point["call_wall"], point["put_wall"]) == (levels.call_wall, levels.put_wall)
    assert (point["flip"], point["low"], point["high"]) == (
        levels.nearest_flip.spot, levels.zone.low, levels.zone.high,
    )  # fmt: skip
    strikes = np.unique(book["strike"])
    near = strikes[abs(strikes / book.spot - 1) <= 0.1]
    assert point["strikes"] == near.tolist()
    naive = [report.exposure.rows["gamma"][book["strike"] == K].sum() for K in near]
    assert point["gammas"] == pytest.approx(naive, rel=5e-6)


def test_levels_that_there_are_not_are_none(report):
    found = point_of(gf.analyze(gf.demo_chain().select(kind="call"), rule="short_all"))
    assert (found["flip"], found["put_wall"]) == (None, None)


def test_of_many_strikes_the_nearest_are_kept():
    chain = gf.demo_chain()
    strikes = np.round(np.linspace(0.95, 1.05, 501) * chain.spot, 2)
    frame = chain.to_frame().iloc[[0] * 501].assign(strike=strikes, contract=[f"c{n}" for n in range(501)])
    many = gf.chain_from_frame(
        frame, symbol="BTC", spot=chain.spot, asof=chain.asof, currency=chain.currency
    )  # fmt: skip
    found = point_of(gf.analyze(many))["strikes"]
    away = np.sort(abs(strikes / chain.spot - 1))
    assert len(found) == 120
    assert max(abs(np.array(found) / chain.spot - 1)) == pytest.approx(away[119])
