"""Holder shares as ranges against dense grids, the figures of A5, and the deleveraging rules (A4)."""

import matplotlib as mpl
import numpy as np
import pytest

import gammaflow as gf
from gammaflow.evidence import holders

mpl.use("Agg")


def test_a5_the_hedge_funds():
    whole = holders.decompose(93.51e9)
    assert whole.table.loc["hedge funds", "share_middle"] == pytest.approx(0.167, abs=5e-4)
    assert whole.of()["middle"] == pytest.approx(15.6e9, abs=5e7)
    fund = holders.decompose(56.21e9, cut=0.25)
    assert fund.of()["middle"] == pytest.approx(9.37e9, abs=5e6)
    assert fund.of("cut of hedge funds")["middle"] == pytest.approx(2.3e9, abs=5e7)
    assert (fund.table["low"] == fund.table["high"]).all()


def test_ranges_against_a_grid():
    found = holders.decompose((50e9, 60e9), institutional=(0.25, 0.4), hedge_funds=(0.5, 0.8), cut=(0.1, 0.3))
    a, i, h, c = np.meshgrid(*(np.linspace(*ends, 5) for ends in
                               ((50e9, 60e9), (0.25, 0.4), (0.5, 0.8), (0.1, 0.3))))  # fmt: skip
    for name, share in {
        "all": 1.0 + 0.0 * i,
        "not institutional": 1.0 - i,
        "institutional": i,
        "other institutions": i - i * h,
        "hedge funds": i * h,
        "cut of hedge funds": c * i * h,
    }.items():
        row = found.table.loc[name]
        assert row[["share_low", "share_high"]].to_numpy() == pytest.approx([share.min(), share.max()])
        amount = a * share
        assert row[["low", "high"]].to_numpy() == pytest.approx([amount.min(), amount.max()])
    middle = found.table["middle"]
    parts = middle["not institutional"] + middle["other institutions"] + middle["hedge funds"]
    assert parts == pytest.approx(middle["all"], rel=1e-14)
    assert middle["hedge funds"] == pytest.approx(55e9 * 0.325 * 0.65)


def test_a4_the_rules_sell_what_the_table_says():
    found = holders.decompose(56.21e9, hedge_funds=(0.5, 0.7), cut=0.25)
    sold = found.sales(lambda held: gf.deleveraging.FixedCut(held, cut=0.25))
    assert -sold.to_numpy() == pytest.approx(found.of("cut of hedge funds").to_numpy(), rel=1e-14)
    for before, after, cut in ((0.56, 0.98, -0.429), (0.40, 0.95, -0.579)):
        flow = found.sales(
            lambda held, before=before: gf.deleveraging.VolatilityTarget(held, volatility=before),
            volatility=after,
        )
        assert (flow / found.of()).to_numpy() == pytest.approx(np.full(3, cut), abs=5e-4)
        assert flow["high"] == -found.of()["high"] * (1.0 - before / after)
    limit = found.sales(
        lambda held: gf.deleveraging.VarLimit(held, limit=600e6), holder="institutional", volatility=0.98
    )
    risk = 2.326348 * 0.98 / np.sqrt(365.0)
    assert limit["middle"] == pytest.approx(-(56.21e9 / 3.0 - 600e6 / risk), rel=1e-6)


def test_text_and_picture():
    found = holders.decompose(56.21e9, institutional=(0.25, 0.4))
    assert "institutions hold 25 to 40 % of it, hedge funds 50 % of that" in found.summary()
    ax = found.plot()
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(found.table["middle"] / 1e9)
    assert ax.get_xlabel() == "USD bn"
    assert any("9.13 (7.03 to 11.24) = 16.2 % (12.5 to 20.0 %)" in text.get_text() for text in ax.texts)


def test_other_units_are_told():
    assert "received 93.51 USD; plausible: 1m to 100tn" in holders.decompose(93.51).warnings[0]
    assert holders.decompose(1e15).warnings
    assert "cut: received 0.00025" in holders.decompose(1e9, cut=0.00025).warnings[0]
    assert not holders.decompose(56.21e9, cut=(0.0, 0.3)).warnings


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: holders.decompose("much"), "assets: received 'much'"),
        (lambda: holders.decompose(-1.0, institutional=33), r"assets: received -1; [\s\S]*33 % is 0.33"),
        (lambda: holders.decompose(1e9, institutional=(0.4, 0.2)), "the low end must be <= the high end"),
        (lambda: holders.decompose(1e9, hedge_funds=(0.1, 0.2, 0.3)), "legal: a number, or .low, high"),
        (lambda: holders.decompose(1e9, cut=1.01), "cut: received 1.01; legal: decimals from 0 to 1"),
        (lambda: holders.decompose(np.nan), "assets: received nan"),
        (lambda: holders.decompose(1e9).of("banks"), "holder: received 'banks'; legal: 'all'"),
        (
            lambda: holders.decompose(1e9).sales(gf.deleveraging.FixedCut(1.0, 0.5)),
            "rule: received FixedCut; legal: a function of holdings",
        ),
        (lambda: holders.decompose(1e9).sales(lambda held: held), "rule: received float"),
        (
            lambda: holders.decompose(1e9).sales(
                lambda held: gf.deleveraging.FixedCut(held, 0.5), days=[1.0, 2.0]
            ),
            "scenario: received a path",
        ),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
