"""Creations along simulated paths, against a ledger per path."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.feedback.simulation.paths import FeedbackPaths
from gammaflow.feedback.surface.surface import constant_gamma_surface
from support.made_up_paths import DAYS, NAMES, SPOT, paths_of, setup_of


@pytest.fixture(scope="module")
def paths():
    return paths_of(keep_paths=True)


def test_creations_are_those_of_a_ledger_per_path(paths):
    terms = {"basket": 40_000, "borrow": 25_000.0, "target": 10_000.0, "shares": 1.5e6}
    found = paths.creations(gf.EtfLedger(0.00057, **terms), share=0.4)
    # the surface starts on a Thursday that is a holiday: both days end on later trading days
    assert paths.setup.asof == pd.Timestamp("2026-01-01T00:00Z")
    assert found.index.astype(str).to_list() == ["2026-01-02"]
    sold = -0.4 * np.asarray(paths.raw.daily_units).sum(axis=1) / 0.00057
    price = SPOT * np.exp(paths.raw.x)
    rows = []
    for shares, S in zip(sold, price, strict=True):
        ledger = gf.EtfLedger(0.00057, **terms)
        day = ledger.step("2026-01-02", shares, 0.00057 * S)
        rows.append((day.created, day.redeemed, day.coins_delivered, day.flow, shares))
    created, redeemed, coins, flow, shares = np.array(rows).T
    row = found.iloc[0]
    assert 0.0 < row["any"] == (created > 0).mean() < 1.0
    assert row["created"] == pytest.approx(created.mean(), rel=1e-12)
    assert row["redeemed"] == pytest.approx(redeemed.mean(), rel=1e-12)
    assert redeemed.any()
    assert row["net_95 %"] == pytest.approx(np.quantile(created - redeemed, 0.95), rel=1e-12)
    assert row["coins"] == pytest.approx(coins.mean(), rel=1e-12)
    assert row["flow"] == pytest.approx(flow.mean(), rel=1e-9)
    assert row["sold_shares"] == pytest.approx(shares.mean(), rel=1e-12)


def test_creations_on_two_days_continue_the_ledger():
    asof = pd.Timestamp("2026-02-04T21:33Z")
    setup = setup_of(surface=constant_gamma_surface(-100e6, SPOT, days=DAYS, asof=asof))
    paths = FeedbackPaths(setup, setup.again(NAMES))
    found = paths.creations(gf.venues.IBIT, share=1.0)
    assert found.index.astype(str).to_list() == ["2026-02-05", "2026-02-06"]
    assert paths.raw.frame_days[[6, 12]].tolist() == [1.0, 2.0]
    rows = []
    for p in range(40):
        ledger = gf.EtfLedger(gf.venues.IBIT)
        for day, frame in ((0, 6), (1, 12)):
            date = f"2026-02-0{5 + day}"
            ratio = gf.venues.IBIT.at(f"{date}T21:00Z")
            nav = ratio * SPOT * np.exp(paths.raw.frames[p, frame])
            ledger.step(date, -paths.raw.daily_units[p, day] / ratio, nav)
        rows.append(ledger.table[["created", "redeemed", "coins_delivered", "flow"]].to_numpy())
    right = np.mean(rows, axis=0)
    some = FeedbackPaths(setup, paths.raw._replace(
        daily_units=paths.raw.daily_units[:40], frames=paths.raw.frames[:40]))  # fmt: skip
    got = some.creations(gf.venues.IBIT, share=1.0)[["created", "redeemed", "coins", "flow"]]
    np.testing.assert_allclose(got, right, rtol=1e-11)
    assert right[0, 0] > 1.0
    assert right[1, 1] > 0.5


@pytest.mark.parametrize(
    ("ledger", "share", "words"),
    [
        (-0.1, 0.5, "coins_per_share: received -0.1"),
        (0.0005, 1.5, "share: received 1.5; legal: 0 to 1"),
        (0.0, -1.0, r"(?s)coins_per_share.*share: received -1.0"),
    ],
)
def test_what_creations_refuse(paths, ledger, share, words):
    with pytest.raises(SchemaError, match=words):
        paths.creations(ledger, share=share)
