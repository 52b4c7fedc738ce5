"""Options on futures, each valued on its own forward."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.repair.futures import FUTURES_ROOTS, on_futures
from gammaflow.report import analyze
from support.markets import market


def black_gamma(F, K, t, sigma, rate):
    """Black's gamma of one option on a forward, by the textbook."""
    d1 = (math.log(F / K) + sigma**2 * t / 2) / (sigma * math.sqrt(t))
    return math.exp(-rate * t - d1**2 / 2) / math.sqrt(2 * math.pi) / (F * sigma * math.sqrt(t))


FUTURES = {30.0: 21.0, 65.0: 21.9, 128.0: 22.4}


def volatility_index(rate=0.04, futures=None, quoted=True, spot=17.0):
    """Options on the futures of a volatility index whose spot is far below them, quoted to the cent."""
    asof = pd.Timestamp("2026-02-05T15:00:00Z")
    rows = []
    for days, F in (futures or FUTURES).items():
        t = days / 365
        for K in np.arange(14.0, 36.0):
            sigma = 0.9 + 0.8 * math.log(max(K / F, 1.0))
            for kind in ("call", "put"):
                price = float(gf.bsm.price_forward(kind, F, K, t, rate, sigma))
                bid, ask = math.floor(price * 100 - 1) / 100, math.ceil(price * 100 + 1) / 100
                few = days == 44.0 and K > 16
                rows.append(
                    {
                        "contract": f"VIX{days:g}{kind[0]}{K:g}",
                        "expiry": asof + pd.Timedelta(days=days),
                        "strike": K,
                        "kind": kind,
                        "open_interest": 1000.0 + 40 * K,
                        "multiplier": 100.0,
                        "iv": sigma,
                        "bid": np.nan if few or not quoted else max(bid, 0.0),
                        "ask": np.nan if few or not quoted else ask,
                        "root": "VIXW" if days == 44.0 else "VIX",
                        "settlement": "AM",
                    }
                )
    return gf.Chain(pd.DataFrame(rows), "VIX", spot, asof, "made up")


def gamma_on(chain, forwards, rate):
    """Dealers' gamma, calls long and puts short and then all short, per +1 % of each forward: a plain sum."""
    total = np.zeros(2)
    for row in range(len(chain)):
        t = float(chain.years[row])
        F, K = forwards[round(t * 365)], float(chain["strike"][row])
        cash = black_gamma(F, K, t, float(chain["iv"][row]), rate) * F**2 * 0.01
        held = float(chain["open_interest"][row]) * 100 * cash
        total += held * np.array([1 if chain["kind"][row] == "call" else -1, -1])
    return total


def test_options_on_futures_are_valued_on_their_own_forwards():
    chain = volatility_index()
    report = analyze(chain, rule="short_all")
    _, right = gamma_on(chain, FUTURES, 0.04)
    assert report.levels.gamma == pytest.approx(right, rel=2e-3)
    # On spot the sum is another by a fifth: what the futures are for.
    on_spot = gamma_on(chain, dict.fromkeys(FUTURES, 17.0), 0.0)[1]
    assert abs(on_spot / right - 1) > 0.2
    found = sorted(set(np.round(report.book["forward_ratio"] * 17.0, 2)))
    np.testing.assert_allclose(found, list(FUTURES.values()), atol=0.03)
    (warning,) = report.warnings()
    assert warning.startswith("VIX: options on futures, valued on the forwards of put-call parity and not on")
    assert "the spot of 17.00: 2026-03-07 21.0" in warning
    assert "%, a carry of +257% a year" in warning
    for shown in (repr(report), report.to_markdown(), report.to_dict()["warnings"][0]):
        assert "options on futures" in shown


@pytest.mark.parametrize("repair", [False, True])
def test_an_expiry_of_futures_without_a_forward_takes_that_of_its_neighbours(repair):
    chain = volatility_index(futures={**FUTURES, 44.0: 21.36})
    report = analyze(chain, rule="short_all", repair=repair)
    ratio = report.book["forward_ratio"][np.isclose(report.book.years * 365, 44.0)]
    assert set(np.round(ratio * 17.0, 1)) == {21.4}
    assert report.levels.gamma == pytest.approx(gamma_on(chain, {**FUTURES, 44.0: 21.36}, 0.04)[1], rel=2e-3)
    assert "Quotes determine none on 1 of 4 expiries" in report.warnings()[-1]
    assert "2026-03-21 21.3" in report.warnings()[-1]


def test_options_on_futures_without_quotes_or_forwards_are_refused():
    chain = volatility_index(quoted=False)
    words = r"132 of 132 rows of VIX \(expiries 2026-03-07, 2026-04-11, 2026-06-13\) are options on futures"
    for call in (analyze, gf.assign_positions):
        with pytest.raises(SchemaError, match=words) as refused:
            call(chain)
        for remedy in ("--repair", "repair_chain", "forward column"):
            assert remedy in str(refused.value)
    with pytest.raises(SchemaError, match="have no forward"):
        gf.assign_positions(volatility_index())
    forward = np.array([FUTURES[round(365 * t)] for t in chain.years])
    given_forwards = analyze(chain.with_columns(forward=forward, rate=0.04))
    assert given_forwards.levels.gamma == pytest.approx(gamma_on(chain, FUTURES, 0.04)[0], rel=1e-9)
    assert given_forwards.warnings() == []
    # A yield that makes the forward of spot is one too.
    q = 0.04 - np.log(forward / 17.0) / chain.years
    by_yield = gf.assign_positions(chain.with_columns(rate=0.04, dividend_yield=q))
    assert gf.aggregate_exposure(by_yield).total()["gamma"] == pytest.approx(
        given_forwards.levels.gamma, rel=1e-9
    )


def test_what_is_a_future_by_its_name():
    chain = market(days=(30.0,))
    for name in (*FUTURES_ROOTS, "^VIX", "/ES", "ES=F", "vix"):
        assert on_futures(chain.with_columns(root=name)).all(), name
        assert on_futures(replace(chain.with_columns(root=""), symbol=name)).all(), name
    for name in ("ES", "CL", "GC", "SPX", "VIXY", "UVXY", "X"):
        assert not on_futures(chain.with_columns(root=name)).any(), name
