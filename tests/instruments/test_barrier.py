import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import CASH_SUMS, cash_greeks, cash_sums
from gammaflow.instruments.barrier import BARRIER
from gammaflow.positions.book import Book
from support.books import ASOF, random_book, slope_of
from support.desk_pages import page_model

MONITORING = [np.nan, 1.0, 6.0]
ids = ["continuous", "maturity", "six dates"]


def barrier_book(
    kinds=("down-in put",), H=80.0, dates=np.nan, position=120.0, ratio=np.nan, days=90.0, rebate=0.0
):
    frame = pd.DataFrame(
        {
            "contract": [f"{kind} {i}" for i, kind in enumerate(kinds)],
            "venue": "notes",
            "expiry": ASOF + pd.Timedelta(days, "D"),
            "strike": 100.0,
            "kind": list(kinds),
            "position": position,
            "multiplier": 10.0,
            "sigma": 0.45,
            "rate": 0.04,
            "dividend_yield": 0.012,
            "forward_ratio": ratio,
            "barrier": [H if " " in kind else np.nan for kind in kinds],
            "monitoring_dates": [dates if " " in kind else np.nan for kind in kinds],
            "rebate": [rebate if " " in kind else 0.0 for kind in kinds],
        }
    )
    return Book(frame.astype({"venue": object}), "TEST", 100.0, ASOF)


@pytest.mark.parametrize("dates", MONITORING, ids=ids)
@pytest.mark.parametrize("ratio", [np.nan, 1.02])
@pytest.mark.parametrize("side", ["down", "up"])
def test_in_plus_out_is_the_plain_option_in_every_measure(dates, ratio, side):
    H = 80.0 if side == "down" else 125.0
    pair = barrier_book([f"{side}-in put", f"{side}-out put"], H, dates, ratio=ratio)
    plain = barrier_book(["put"], ratio=ratio)
    spots = np.array([70.0, 81.0, 95.0, 100.0, 124.0, 130.0])
    for roll in ({}, {"days": 20.0, "vol_shift": 0.05}):
        both, alone = (gf.sweep_spot(book, spots, **roll) for book in (pair, plain))
        for name in both.values:
            if name == "gross_gamma":
                continue
            scale = np.abs(both.values[name]).max() + np.abs(alone.values[name]).max()
            np.testing.assert_allclose(both.table[name], alone.table[name], atol=2e-6 * scale, err_msg=name)


@pytest.mark.parametrize("dates", MONITORING, ids=ids)
@pytest.mark.parametrize("kind", ["down-in put", "down-out call"])
def test_every_measure_is_the_difference_of_value_it_claims_to_be(kind, dates):
    book = barrier_book([kind], dates=dates, rebate=2.0)
    S, t, sigma, units = 88.0, book.years[0], 0.45, 1200.0
    monitoring = "continuous" if np.isnan(dates) else "maturity" if dates == 1 else None

    def value(s=S, vol=sigma, time=0.0):
        dated = t * np.arange(1, 7) / 6 + time
        return gf.barrier.price(
            *kind.split(), s, 100.0, 80.0, t + time, 0.04, vol, 0.012, rebate=2.0,
            monitoring=monitoring or dated, tol=1e-9,
        )  # fmt: skip

    def delta(**at):
        return slope_of(lambda h: value(s=S + h, **at), 0.02)

    def gamma(move=0.0, **at):
        v = [value(s=S + move + k * 0.08, **at) for k in (-2, -1, 0, 1, 2)]
        return (-v[0] + 16 * v[1] - 30 * v[2] + 16 * v[3] - v[4]) / (12 * 0.08**2)

    table = gf.sweep_spot(book, [S]).table.iloc[0]
    expected = {
        "delta": units * delta() * S,
        "gamma": units * gamma() * S * S * 0.01,
        "vega": units * slope_of(lambda h: value(vol=sigma + h), 1e-3) * 0.01,
        "theta": -units * slope_of(lambda h: value(time=h), 1e-4) / 365,
        "vanna": units * slope_of(lambda h: delta(vol=sigma + h), 1e-3) * S * 0.01,
        "charm": -units * slope_of(lambda h: delta(time=h), 1e-4) * S / 365,
        "speed": units * S * 0.01 * slope_of(lambda h: gamma(h) * (S + h) ** 2 * 0.01, 0.2),
        "zomma": units * slope_of(lambda h: gamma(vol=sigma + h), 1e-3) * S * S * 1e-4,
        "color": -units * slope_of(lambda h: gamma(time=h), 1e-4) * S * S * 0.01 / 365,
    }
    # At dates the differenced value is good to 1e-9 of the strike only.
    third = {"speed", "zomma", "color"}
    for name, right in expected.items():
        tolerance = 3e-4 if monitoring else 2e-2 if name in third else 1e-3
        assert table[name] == pytest.approx(right, rel=tolerance), name
    assert table["gross_gamma"] == abs(table["gamma"])


def test_exposure_now_equals_the_profile_at_spot_for_a_mixed_book():
    mixed = barrier_book(["down-in put", "up-out call"], H=84.0, dates=21.0) + random_book(1)
    rows, sums = cash_greeks(mixed), cash_sums(mixed, np.array([mixed.spot]))
    for name in CASH_SUMS:
        right = rows["gamma" if name == "total_gamma" else name]
        assert abs(sums[name].sum() - right.sum()) < 1e-12 * np.abs(right).sum(), name
    alone = cash_greeks(random_book(1))
    plain = mixed.vanilla
    for name, values in alone.items():
        np.testing.assert_allclose(rows[name][plain], values, rtol=1e-13)


@pytest.mark.parametrize("by", ["expiry", "strike", "kind", "contract"])
def test_groups_hold_their_barrier_rows(by):
    mixed = barrier_book(["down-in put", "up-out call"], H=84.0) + random_book(1)
    spots = np.linspace(80, 120, 5)
    grouped = cash_sums(mixed, spots, by=by, wanted=["gamma"])["gamma"]
    total = cash_sums(mixed, spots, wanted=["gamma"])["gamma"].sum(axis=0)
    np.testing.assert_allclose(grouped.sum(axis=0), total, atol=1e-10 * np.abs(total).max())
    place = np.flatnonzero(np.unique(mixed[by]) == mixed[by][~mixed.vanilla][0])[0]
    rows = mixed[by] == mixed[by][~mixed.vanilla][0]
    alone = cash_sums(mixed.select(rows), spots, wanted=["gamma"])["gamma"].sum(axis=0)
    np.testing.assert_allclose(grouped[place], alone, atol=1e-10 * np.abs(total).max())


def test_dates_that_pass_drop_off():
    """A third of the way down the road a row of six dates has four left, the next in half a gap."""
    book = barrier_book(dates=6.0, days=90.0)
    days = 37.5
    t = (90.0 - days) / 365
    left = np.array([45.0, 60.0, 75.0, 90.0])
    right = gf.barrier.greeks(
        "down-in", "put", 92.0, 100.0, 80.0, t, 0.04, 0.45, 0.012, monitoring=(left - days) / 365, tol=1e-9
    )
    got = gf.sweep_spot(book, [92.0], days=days).table["delta"].iloc[0]
    assert got == pytest.approx(1200.0 * right.delta * 92.0, rel=1e-6)
    assert gf.sweep_spot(book, [92.0], days=90.0).table["delta"].iloc[0] == 0.0


def hours_book(hours=4.0, dates=5.0):
    return barrier_book(["down-in put"], H=95.0, dates=dates, days=hours / 24.0)


@pytest.mark.parametrize("hours", [0.1, 4.0, 8.7])
def test_a_row_of_dates_expires_within_hours(hours):
    """All its delta goes when it drops out: the flow of two days is what the hedge held."""
    book = hours_book(hours)
    t = hours / 24.0 / 365.0
    held = (
        1200.0
        * gf.barrier.greeks(
            "down-in", "p", 100.0, 100.0, 95.0, t, 0.04, 0.45, 0.012, monitoring=5, tol=1e-9
        ).delta
    )
    flow = gf.hedge_flow(book, spot=97.0, days=2.0)
    assert flow.total == pytest.approx(97.0 * held, rel=1e-6)
    assert flow.shortfalls == ()


@pytest.mark.parametrize("left", [0.3, 1e-3, 1e-9, 1e-12])
def test_the_last_date_stays_until_it_has_passed(left):
    """A share `left` of its life before expiry a row of five dates has one or two of them left."""
    book = hours_book()
    life = book.years[0]
    table = gf.sweep_spot(book, [94.0, 97.0, 100.0], days=life * 365.0 * (1.0 - left)).table
    years = life - life * 365.0 * (1.0 - left) / 365.0
    looks = [years - life / 5.0, years] if left > 0.2 else "maturity"
    right = gf.barrier.greeks(
        "down-in", "p", table.index, 100.0, 95.0, years, 0.04, 0.45, 0.012, monitoring=looks, tol=1e-9
    )
    scale = max(np.abs(right.delta).max(), 1e-3)
    np.testing.assert_allclose(
        table["delta"], 1200.0 * right.delta * table.index, rtol=0, atol=1e-6 * 1200.0 * 100.0 * scale
    )
    assert np.isfinite(table.to_numpy()).all()


def test_dealers_long_a_knock_in_put_sell_at_its_barrier():
    """Delta jumps where it knocks in: the profile, levels and the flow all see it."""
    book = barrier_book(days=21.0)
    above, below = gf.sweep_spot(book, [79.9999, 80.0001]).table["delta"] / [79.9999, 80.0001]
    jump = gf.barrier.knock_in_jump("down-in", "put", 100.0, 80.0, book.years[0], 0.04, 0.45, 0.012)
    assert above - below == pytest.approx(1200.0 * jump, rel=1e-3)
    flow = gf.hedge_flow(book, spot=79.0)
    d0, d1 = (gf.sweep_spot(book, [s]).table["delta"].iloc[0] / s for s in (100.0, 79.0))
    assert flow.total == pytest.approx(-(d1 - d0) * 79.0, rel=1e-9)


def test_levels_of_a_book_of_barriers_alone():
    levels = gf.find_levels(gf.sweep_spot(barrier_book(position=-50.0), np.linspace(81, 130, 99)))
    assert levels.gamma < 0
    assert len(levels.max_pain) == 0
    assert np.isnan(levels.put_wall)
    assert levels.absolute_gamma_strike == 100.0
    assert "max pain" not in repr(levels)


def test_a_report_of_a_mixed_book_has_a_page(tmp_path):
    book = barrier_book(["down-in put"], H=84.0) + random_book(1)
    report = gf.analyze(book)
    (table,) = page_model(report.to_html(tmp_path / "page.html"))["strikes"].values()
    down = np.array(table["side"]) == "down-in put"
    held = report.exposure.by("kind").loc["down-in put", "gamma"]
    assert np.array(table["gamma"])[down].sum() == pytest.approx(held, rel=1e-6)
    assert "down-in put" in report.to_markdown()


def test_every_kind_is_priced():
    kinds = list(BARRIER.kinds)
    for kind in kinds:
        H = 80.0 if kind.startswith("down") else 125.0
        got = gf.aggregate_exposure(barrier_book([kind], H)).total()["delta"]
        right = gf.barrier.greeks(*kind.split(), 100.0, 100.0, H, 90 / 365, 0.04, 0.45, 0.012).delta
        assert got == pytest.approx(1200.0 * right * 100.0, rel=1e-12), kind


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"barrier": np.nan},
            "barrier: 1 of 1 rows do not fit their kind (first: down-in put 0",
        ),
        ({"kind": "put"}, "only barrier options have one; did you mean 'down-in put'?"),
        (
            {"kind": "put", "barrier": np.nan, "monitoring_dates": 5.0},
            "monitoring_dates: 1 of 1 rows do not fit",
        ),
        ({"kind": "put", "barrier": np.nan, "rebate": 5.0}, "rebate: 1 of 1 rows do not fit"),
        ({"monitoring_dates": 2.5}, "a whole number is needed"),
        ({"monitoring_dates": 0.0}, "monitoring_dates: 1 of 1 rows are < 1"),
        ({"barrier": -80.0}, "barrier: 1 of 1 rows are <= 0"),
        ({"kind": "sideways put"}, "kind must be one of 'call', 'put', 'down-in call'"),
    ],
)
def test_rows_that_do_not_fit_their_kind_are_refused(change, words):
    frame = barrier_book().to_frame().assign(**change)
    with pytest.raises(SchemaError, match="book not accepted") as error:
        Book(frame, "TEST", 100.0, ASOF)
    assert words in str(error.value)
