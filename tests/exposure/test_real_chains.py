"""Results on real chains against independent figures."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.calendars import years_to_expiry


@pytest.fixture(scope="module")
def analyzed(shared):
    """Read and analyse each file once, at no rate and no yield, as the independent figures are."""
    done = {}

    def call(path, **how):
        if path not in done:
            chain = gf.read_chain(shared / "data" / path, **how)
            done[path] = gf.analyze(chain, rate=0.0, dividend_yield=0.0)
        return done[path]

    return call


def snapshot(moment):
    return f"deribit/deribit_options_snapshot_{moment}.csv"


# Gamma in $m per 1 %, flip and trough: an independent pass in steps of 0.5 % of spot, so both spots are
# known to one step only.
@pytest.mark.parametrize(
    ("moment", "spot", "gamma", "flip", "trough", "strikes"),
    [
        ("20260204T213308Z", 73_105, -75.3, 79_319, 70_912, [70_000, 75_000, 72_000]),
        ("20260205T093647Z", 71_471, -71.6, 79_332, 69_684, [70_000, 75_000, 65_000]),
        ("20260205T212937Z", 63_858, -44.9, 73_437, 61_942, [65_000, 70_000, 60_000]),
    ],
)
def test_the_event_on_deribit(analyzed, moment, spot, gamma, flip, trough, strikes):
    report = analyzed(snapshot(moment), symbol="BTC")
    levels, step = report.levels, 0.005 * spot
    assert report.book.spot == pytest.approx(spot, abs=1)
    assert levels.gamma / 1e6 == pytest.approx(gamma, rel=0.01)
    (root,) = levels.flips
    assert flip <= root.spot <= flip + step
    assert root.slope > 0
    (zone,) = levels.zones
    assert zone.high == root.spot
    assert zone.trough.spot == pytest.approx(trough, abs=step)
    assert levels.concentration.index[:3].tolist() == strikes


def test_the_articles_zone_lies_inside_the_measured_one_and_overlaps_its_core(analyzed):
    """64k-71k is short in every snapshot around the event; the core straddles it until spot is below."""
    for moment, overlap in (
        ("20260204T213308Z", 3_900),
        ("20260205T093647Z", 5_700),
        ("20260205T212937Z", 1_700),
    ):
        (zone,) = analyzed(snapshot(moment), symbol="BTC").levels.zones
        assert zone.low < 64_000 < 71_000 < zone.high
        assert min(zone.core[1], 71_000) - max(zone.core[0], 64_000) == pytest.approx(overlap, abs=100)


@pytest.mark.parametrize(
    ("path", "gamma", "unusable"),
    [
        (
            "cboe/spx_20230914_carlosjimenezdiaz.csv",
            16_101.8,
            {"implied volatility zero": 1_151, "expired": 296, "open interest zero": 4_535},
        ),
        (
            "cboe/spy_20250516_Photon1c.csv",
            131.7,
            {"expired": 620, "implied volatility zero": 405, "open interest zero": 605},
        ),
        (
            "yahoo_cboe_json/IBIT_20260714T2010ET.json",
            42.98,
            {
                "implied volatility a placeholder (<= 0.1%)": 137,
                "implied volatility zero": 2,
                "open interest missing": 4,
                "open interest zero": 140,
            },
        ),
    ],
)
def test_listed_chains_report_with_rows_counted_by_reason(analyzed, path, gamma, unusable, tmp_path):
    report = analyzed(path)
    assert report.levels.gamma / 1e6 == pytest.approx(gamma, rel=1e-3)
    assert report.quality.table["rows"].to_dict() == unusable
    assert report.to_html(tmp_path / "page.html").stat().st_size > 1e6
    assert len(report.to_markdown()) > 1_000


def test_every_flip_four_minutes_before_an_expiry_is_found(analyzed):
    report = analyzed("yahoo_cboe_json/SPY_20260714T1556ET.json")
    dense = gf.sweep_spot(report.book, np.arange(740.0, 764.0, 0.005)).table["gamma"]
    changes = dense.index[1:][np.diff(np.sign(dense)) != 0]
    flips = [f.spot for f in report.levels.flips if 740 < f.spot < 764]
    assert len(changes) >= 11
    np.testing.assert_allclose(flips, changes, atol=0.0051)


CHAINS = [
    "cboe/spx_20220205_LucaCastelli.csv",
    "cboe/spx_20230914_carlosjimenezdiaz.csv",
    "cboe/spy_20230914_carlosjimenezdiaz.csv",
    "cboe/spy_20250516_Photon1c.csv",
    "yahoo_cboe_json/IBIT_20260710T1937ET.json",
    "yahoo_cboe_json/IBIT_20260712T0957ET.json",
    "yahoo_cboe_json/IBIT_20260714T2010ET.json",
    "yahoo_cboe_json/SPY_20260714T1556ET.json",
]


def roots_are_roots(book, profile):
    for flip in gf.find_levels(profile).flips:
        row = gf.sweep_spot(book, [flip.spot]).table.iloc[0]
        assert abs(row["gamma"]) < 1e-9 * row["gross_gamma"], flip


@pytest.mark.parametrize("path", CHAINS)
def test_every_root_of_a_listed_chain_reprices_to_zero(shared, path):
    book = gf.assign_positions(gf.read_chain(shared / "data" / path))
    roots_are_roots(book, gf.sweep_spot(book, measures=["gamma", "gross_gamma"]))


@pytest.mark.parametrize("symbol", ["BTC", "ETH"])
def test_every_root_of_every_third_deribit_snapshot_reprices_to_zero(shared, symbol):
    paths = sorted((shared / "data/deribit").glob("deribit_options_snapshot_*.csv"))
    assert len(paths) > 20
    for path in paths[::3]:
        book = gf.assign_positions(gf.read_chain(path, symbol=symbol))
        roots_are_roots(book, gf.sweep_spot(book, measures=["gamma", "gross_gamma"]))


def test_gamma_of_a_chain_equals_a_plain_numpy_sum(analyzed):
    """The numbers of one chain without any of the library's pricing: scipy's normal density."""
    norm = pytest.importorskip("scipy.stats").norm
    book = analyzed("yahoo_cboe_json/IBIT_20260714T2010ET.json").book
    frame = book.to_frame()
    t = (frame["expiry"] - book.asof).dt.total_seconds() / (365 * 86_400)
    s = frame["sigma"] * np.sqrt(t)
    d1 = np.log(book.spot / frame["strike"]) / s + s / 2
    gamma = frame["position"] * 100 * norm.pdf(d1) / (book.spot * s) * book.spot**2 * 0.01
    assert gf.aggregate_exposure(book).total()["gamma"] == pytest.approx(gamma.sum(), rel=1e-10)


def test_delta_and_gamma_equal_the_exchanges(shared):
    """37 hourly BTC chains: Black-76 at the inferred time and forward of each expiry, r = 0.

    Beyond 2e-5, deltas differ by what the file leaves open: volatilities rounded to 0.005 points, times
    inferred to half a minute, and one forward per expiry where rows of a chain had several.
    """
    folder = shared / "data/deribit_greeks"
    quotes = pd.read_csv(folder / "full_data_sample.csv")
    times = pd.read_csv(folder / "inferred_times_forwards.csv").rename(columns={"date_label": "date"})
    rows = quotes.merge(times, on=["date", "expiry_date"])
    years = years_to_expiry(
        pd.to_datetime(rows["expiry_date"] + "T08:00").to_numpy(dtype="datetime64[ns]"),
        pd.Timestamp(0, tz="UTC"),
    ) - years_to_expiry(
        pd.to_datetime(rows["inferred_time_utc"]).to_numpy(dtype="datetime64[ns]"), pd.Timestamp(0, tz="UTC")
    )
    forward = rows["inferred_forward"].to_numpy()
    greeks = gf.bsm.greeks(rows["type"], forward, rows["strike"], years, 0.0, rows["mark_iv"] / 100)
    error = np.abs(greeks.delta - rows["delta"].to_numpy())
    inputs = np.abs(greeks.vanna) * 5e-5 + np.abs(greeks.charm) * 30 / (365 * 86_400)
    assert len(rows) == 24_268
    assert np.median(error) < 7e-6
    assert (error < 2e-5).mean() > 0.84
    assert (error < 2e-5 + inputs).mean() > 0.975
    assert (error < 2e-5 + inputs + greeks.gamma * 1e-4 * forward).mean() > 0.997
    rounding = np.abs(greeks.gamma - rows["gamma"].to_numpy())
    assert (rounding < 5.05e-6).mean() > 0.9997
    assert rounding.max() < 1e-5
