"""The basis trade read from basis and open interest: signs, sizes, agreement, and what cannot be told."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.evidence import basis, clocks
from support.pictures import title

unwinds = gf.evidence.open_interest.unwinds
TWO = pd.DatetimeIndex(["2026-02-04", "2026-02-05"])
DAYS = pd.date_range("2026-02-02", periods=6)
PREMIUM = pd.Series([0.004, 0.005, 0.003, 0.006, 0.002, 0.0021], DAYS)
COINS = pd.Series([120e3, 121e3, 122e3, 118e3, 117e3, np.nan], DAYS)
PRICE = pd.Series([78e3, 76e3, 73e3, 63e3, 70e3, 69e3], DAYS)
ROOT = gf.impact.square_root(20e9, 0.03, source="made up")
THIN = gf.impact.book(120e6, exponent=0.7, source="made up", range=(0.5, 2.0))


def pair(first, last, days=TWO):
    return pd.Series([first, last], days)


@pytest.mark.parametrize(
    ("basis_up", "interest_up", "reading"),
    [
        (1, -1, "basis trade unwound"), (-1, 1, "basis trade put on"),
        (1, 1, "longs opened in futures"), (-1, -1, "longs closed in futures"),
    ],
)  # fmt: skip
def test_readings(basis_up, interest_up, reading):
    result = unwinds(pair(0.003, 0.003 + 0.002 * basis_up), pair(1e5, 1e5 + 2e3 * interest_up), impact=3e8)
    row = result.table.iloc[0]
    assert row["reading"] == reading
    if reading.startswith("basis"):
        # Both legs: (Lam_s + Lam_f) Q = 0.002, Lam = 0.01 / 3e8.
        assert row["implied"] == pytest.approx(basis_up * 0.002 / (2.0 * 0.01 / 3e8), rel=1e-10)
    else:
        assert np.isnan(row["implied"])
    for quiet in ({"noise": 0.0021}, {"interest_noise": 0.021}):
        quiet_row = unwinds(
            pair(0.003, 0.003 + 0.002 * basis_up), pair(1e5, 1e5 + 2e3 * interest_up), **quiet
        )
        assert quiet_row.table["reading"].item() == "within noise"


@pytest.fixture(scope="module")
def simulated():
    """Basis and open interest by day of a trade unwound over two days and put on again at half its size."""
    surface = gf.constant_gamma_surface(0.0, 70_000.0, days=6.0)
    legs = [
        gf.BasisUnwind(3e8, start=1.0, end=3.0, futures_weight=1.0, basis=0.003, per_1pct=4e9),
        gf.BasisUnwind(-1.5e8, start=4.0, end=5.0, futures_weight=1.0, per_1pct=4e9),
    ]
    ends = [
        gf.simulate_feedback(
            surface, impact=gf.impact.linear(294e6, source="made up"), channels=legs, days=float(day),
            steps=4 * day, paths=1, volatility=0.0,
        ).raw
        for day in range(1, 7)
    ]  # fmt: skip
    days = pd.date_range("2026-02-02", periods=6)
    price = pd.Series([70_000.0 * np.exp(raw.x[0]) for raw in ends], days)
    coins = pd.Series([120e3 + raw.open_interest / 70_000.0 for raw in ends], days)
    return pd.Series([raw.basis[0] for raw in ends], days), coins, price


def test_t18_the_size_of_a_simulated_unwind_is_recovered(simulated):
    premium, coins, price = simulated
    assert price.tolist() == pytest.approx([70_000.0] * 6)
    found = unwinds(premium, coins, price=price, impact=4e9, noise=1e-9, interest_noise=1e-9)
    assert found.table["reading"].tolist() == [
        "basis trade unwound", "basis trade unwound", "within noise", "basis trade put on", "within noise",
    ]  # fmt: skip
    trades = found.table.dropna(subset="implied")
    assert trades["implied"].tolist() == pytest.approx([1.5e8, 1.5e8, -1.5e8], rel=1e-7)
    assert trades["from_interest"].tolist() == pytest.approx([1.5e8, 1.5e8, -1.5e8], rel=1e-7)
    assert set(trades["agreement"]) == {"consistent"}


def test_a_wrong_depth_shows_in_the_agreement(simulated):
    premium, coins, price = simulated
    for depth, words in ((2e9, "open interest moved more"), (8e9, "basis moved more")):
        found = unwinds(premium, coins, price=price, impact=depth, noise=1e-9, interest_noise=1e-9)
        assert set(found.table.dropna(subset="implied")["agreement"]) == {words}
    wide = gf.impact.linear(2e9, range=(1.0, 3.0), source="made up")
    found = unwinds(premium, coins, price=price, impact=wide, noise=1e-9, interest_noise=1e-9).table
    trades = found.dropna(subset="implied")
    assert set(trades["agreement"]) == {"consistent"}
    assert (trades["implied_low"] <= trades["implied"]).all()
    assert trades["implied_high"].iloc[0] == pytest.approx(3.0 * trades["implied"].iloc[0], rel=1e-4)
    assert trades["implied_low"].iloc[2] == pytest.approx(3.0 * trades["implied"].iloc[2], rel=1e-4)


def test_3_and_9_percent_at_30_days():
    """A10 and A11: 0.468 % of price, which Citi's depth of 294m per 1 % makes of 69m, 33m to 781m."""
    found = unwinds(pair(0.033, 0.09), years=30 / 365, impact=gf.impact.PUBLISHED["citi"]).table.iloc[0]
    assert found["basis_change"] == pytest.approx(0.00468, abs=5e-6)
    assert found["basis_change"] == pytest.approx(np.diff(basis.premium([0.033, 0.09], 30 / 365)).item())
    assert found["implied"] == pytest.approx(found["basis_change"] / (2.0 * 3.4e-11), rel=1e-9)
    assert (found[["implied_low", "implied", "implied_high"]] / 1e6).astype(float).round().tolist() == [
        33,
        69,
        781,
    ]


def test_the_passing_of_time_moves_no_yearly_rate():
    years = pd.Series(np.arange(30, 24, -1) / 365, DAYS)
    still = unwinds(pd.Series(0.06, DAYS), COINS, years=years)
    assert set(still.table["reading"].iloc[:-1]) == {"within noise"}
    moved = unwinds(pd.Series([0.06, 0.06, 0.12, 0.12, 0.12, 0.12], DAYS), COINS, years=years).table
    assert moved["basis_change"].iloc[1] == pytest.approx(0.06 * 28 / 365)


@pytest.mark.parametrize(("spot", "futures"), [(ROOT, ROOT), (ROOT, THIN), (THIN, ROOT), (3e8, THIN)])
def test_sizes_of_any_impact_against_a_dense_grid(spot, futures):
    found = unwinds(PREMIUM, COINS, impact=spot, futures_impact=futures).table
    grid = np.concatenate([-np.geomspace(1e11, 1e2, 400_000), np.geomspace(1e2, 1e11, 400_000)])
    spot = gf.impact.linear(spot) if isinstance(spot, float) else spot
    moves = futures.log_return(grid) - spot.log_return(-grid)
    for day in found.index[found["implied"].notna()]:
        nearest = grid[np.abs(moves - found.loc[day, "basis_change"]).argmin()]
        assert found.loc[day, "implied"] == pytest.approx(nearest, rel=1e-4)
        assert found.loc[day, "implied_low"] <= found.loc[day, "implied"] <= found.loc[day, "implied_high"]
    assert found["implied"].notna().sum() == 3


@settings(max_examples=25)
@given(st.floats(1e5, 1e10), st.sampled_from([-1.0, 1.0]), st.floats(1e7, 1e10), st.floats(1e7, 1e10))
def test_a_size_moves_the_basis_and_is_found_again(size, sign, spot, futures):
    move = sign * size * (0.01 / spot + 0.01 / futures)
    found = unwinds(
        pair(0.0, move) if abs(move) < 0.9 else pair(0.0, sign * 0.9), pair(1e6, 1e6 - sign * 1e4),
        impact=spot, futures_impact=futures,
    ).table.iloc[0]  # fmt: skip
    expected = sign * size if abs(move) < 0.9 else sign * 0.9 / (0.01 / spot + 0.01 / futures)
    assert found["implied"] == pytest.approx(expected, rel=1e-8)


def test_noise_of_the_premium_widens_the_size():
    found = unwinds(pair(0.003, 0.005), pair(1e5, 98e3), impact=3e8, noise=0.0005).table.iloc[0]
    bounds = found[["implied_low", "implied", "implied_high"]].astype(float)
    assert bounds.tolist() == pytest.approx([0.0015 * 1.5e10, 0.002 * 1.5e10, 0.0025 * 1.5e10])


def test_without_open_interest_only_the_size_is_told():
    found = unwinds(PREMIUM, impact=3e8, noise=0.0002)
    assert found.table["reading"].tolist() == ["cannot tell"] * 4 + ["within noise"]
    assert found.table["implied"].notna().tolist() == [True] * 4 + [False]
    assert found.cannot_tell[0] == "the reading: no open interest of these futures at this clock"
    verdict = found.verdict("2026-02-05")
    assert verdict.verdict == "cannot tell"
    assert verdict.reason == (
        "basis +30.0 bp of price; open interest of these futures at this clock is missing; a basis trade of "
        "45m (42m to 48m) would explain the basis alone"
    )
    assert found.verdict("2026-02-07") == ("told", "basis +1.0 bp of price: within noise")


def test_a_missing_day_of_open_interest_cannot_be_told():
    found = unwinds(PREMIUM, COINS, impact=3e8)
    assert found.table["reading"].tolist()[-1] == "missing"
    assert found.verdict("2026-02-07").verdict == "cannot tell"
    assert found.counts["missing"] == 1


def test_what_cannot_be_told_is_said():
    bare = unwinds(PREMIUM, COINS)
    assert bare.table["implied"].isna().all()
    assert set(bare.table["agreement"]) == {"cannot tell", ""}
    assert "cannot tell: the size: no impact given" in bare.summary()
    assert "agreement" not in "".join(bare.cannot_tell)
    sized = unwinds(PREMIUM, COINS, impact=3e8)
    assert "cannot tell: agreement of the size with open interest: no price given" in sized.summary()
    whole = unwinds(PREMIUM, COINS, impact=3e8, price=PRICE)
    assert [line.split(":")[0].split()[0] for line in whole.cannot_tell] == ["who", "spot", "trades"]
    assert whole.verdict("2026-02-05") == (
        "told",
        "basis +30.0 bp of price, open interest -3.3%: basis trade unwound, 45m by the basis, 272m by open "
        "interest",
    )


def test_open_interest_makes_a_size_at_the_mean_price():
    found = unwinds(PREMIUM, COINS, price=PRICE).table
    assert found.loc["2026-02-05", "from_interest"] == pytest.approx(4e3 * 68e3)
    assert found.loc["2026-02-04", "from_interest"] == pytest.approx(-1e3 * 74.5e3)


def test_the_event_by_two_clocks(shared):
    """The front future of the CME, spot read at 21:00 and at 22:00 UTC: the basis of 5 February falls a
    little on both, and what the 6th was depends on the clock; there is no open interest of the CME by day."""
    hourly = pd.read_csv(
        shared / "data/btc_market/btcusdt_1h_20251001_20260404.csv", parse_dates=["timestamp"]
    )
    closes = pd.read_csv(shared / "data/event/cme_btc_front_close.csv", parse_dates=["Date"])
    futures = closes.set_index("Date")["Adj Close"]["2026-02-03":"2026-02-06"]
    years = pd.Series((pd.Timestamp("2026-02-27") - futures.index).days / 365, futures.index)
    promised = {"21:00 UTC": [4.1, 1.2, 0.5, 6.5], "22:00 UTC": [8.8, 16.8, 15.3, -2.4]}
    for clock, rates in promised.items():
        moments = clocks.read_clock(clock).on(futures.index)
        spot = clocks.read_at(hourly.set_index("timestamp")["open"].tz_localize("UTC"), moments)
        rate = pd.Series(basis.annualised(futures, spot.to_numpy(), years), futures.index)
        assert (100.0 * rate).round(1).tolist() == rates
        found = unwinds(rate, years=years, noise=0.0005, impact=gf.impact.PUBLISHED["citi"])
        assert found.table["basis_change"]["2026-02-05"] < 0.0
        # 0.1 % of price is 1.7 points on that day.
        assert 0.001 / years["2026-02-05"] == pytest.approx(0.017, abs=5e-4)
        sign = np.sign(found.table["implied"]["2026-02-06"])
        assert sign == (1.0 if clock == "21:00 UTC" else -1.0)
        assert found.verdict("2026-02-06").verdict == "cannot tell"


def test_implausible_input_is_warned_of():
    assert "pass `years` with a yearly rate" in unwinds(20.0 * PREMIUM, COINS).warnings[0]
    assert "pass decimals, not percent" in unwinds(1e3 * PREMIUM, COINS, years=0.1).warnings[0]
    rolled = pd.Series([0.02, 0.015, 0.01, 0.09, 0.085, 0.08], DAYS)
    assert (
        "rises on 1 day (first: 2026-02-05), where the contract was rolled"
        in (unwinds(PREMIUM, COINS, years=rolled).warnings[0])
    )
    assert "plausible: up to 1bn; divide currency by price" in unwinds(PREMIUM, 1e5 * COINS).warnings[0]
    deep = unwinds(PREMIUM, COINS, price=PRICE, impact=1e12)
    assert "on 2026-02-04 the basis implies -100bn, more than all open interest" in deep.warnings[0]
    assert not unwinds(PREMIUM, COINS, price=PRICE, impact=1e9).warnings


def test_rows_left_out_are_counted():
    result = unwinds(PREMIUM, COINS.drop(DAYS[2]), price=PRICE)
    assert result.table["days"].tolist() == [1.0, 2.0, 1.0, 1.0]
    assert "left out: 1 day of basis alone, 1 day of price alone" in result.summary()


BAD = {
    "a list": ([1.0], {}, "basis: received list; legal: a Series"),
    "text": (PREMIUM.astype(str), {}, "basis: received '0.004', in a Series of"),
    "percent of spot": (PREMIUM - 1.01, {}, r"basis: 6 of 6 rows not accepted \(first: -1.006"),
    "missing": (PREMIUM.where(PREMIUM > 0.003), {}, r"basis: 3 of 6 rows not accepted \(first: nan"),
    "one row": (PREMIUM.iloc[:1], {}, "basis: received 1 row; at least 2 are needed"),
    "unsorted": (PREMIUM.iloc[::-1], {}, "basis: 2026-02-06 comes after 2026-02-07"),
    "repeated": (pd.concat([PREMIUM.iloc[:1], PREMIUM]), {}, "basis: 1 row repeated"),
    "gap": (PREMIUM.set_axis([*DAYS[:5], DAYS[5] + pd.Timedelta(30, "D")]), {}, "basis: a gap from"),
    "zone": (PREMIUM.tz_localize("UTC"), {}, "basis: received timestamps in UTC"),
    "zero interest": (PREMIUM, {"open_interest": COINS.fillna(0.0)}, "open_interest: 1 of 6 rows not acc"),
    "price": (PREMIUM, {"price": 0.0 * PRICE}, "price: 6 of 6 rows not accepted"),
    "years": (PREMIUM, {"years": 0.0}, "years: received 0.0; years must be > 0"),
    "expired": (PREMIUM, {"years": pd.Series(np.arange(6) - 1.0, DAYS)}, "years: 2 of 6 rows not accepted"),
    "impact": (PREMIUM, {"impact": "citi"}, "impact: received 'citi'; legal: an Impact, as impact.linear"),
    "true": (PREMIUM, {"impact": True}, "impact: received True; legal: an Impact"),
    "depth": (PREMIUM, {"impact": -1e9}, "impact: received -1000000000.0; impact must be > 0"),
    "one leg": (PREMIUM, {"futures_impact": 1e9}, "impact: received none beside futures_impact"),
    "noise": (PREMIUM, {"noise": -1e-4}, "noise: received -0.0001; noise must be >= 0"),
    "interest noise": (PREMIUM, {"interest_noise": None}, "interest_noise: received None"),
    "other days": (PREMIUM, {"price": PRICE.shift(99, freq="D")}, "basis, price: received 0 common days"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_bad_series(bad):
    given, options, words = BAD[bad]
    with pytest.raises(gf.SchemaError, match=f"^basis trade not accepted:\n  - {words}") as raised:
        unwinds(given, **options)
    assert str(raised.value).count("\n") == 1


def test_all_problems_in_one_error():
    with pytest.raises(gf.SchemaError) as raised:
        unwinds(None, 1.0, years="x", price=[1], impact=0.0, futures_impact="y", noise="z", interest_noise=-1)
    told = [line.split(":")[0].strip("- ") for line in str(raised.value).splitlines()[1:]]
    assert told == [
        "noise", "interest_noise", "impact", "futures_impact", "basis", "open_interest", "price", "years",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "words"), [("2026-02-02", "a day of the table, 2026-02-03 to"), ("x", "legal: a date")]
)
def test_a_day_outside_the_table(day, words):
    with pytest.raises(gf.SchemaError, match=words):
        unwinds(PREMIUM, COINS).verdict(day)


def test_pictures():
    pytest.importorskip("matplotlib").use("Agg")
    ax = unwinds(PREMIUM, COINS, noise=1e-4, interest_noise=1e-3).plot()
    texts = {text.get_text() for text in ax.texts}
    assert {"basis trade unwound (1)", "basis trade put on (1)", "longs opened in futures (1)"} <= texts
    assert ax.get_xlabel() == "change of basis [bp of price]"
    alone = unwinds(PREMIUM).plot()
    assert [bar.get_height() for bar in alone.patches] == pytest.approx([10.0, -20.0, 30.0, -40.0, 1.0])
    assert "cannot tell what it was: no open interest" in title(alone)
