"""Each result draws its own numbers, and a study is its table, its words and its picture."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.pricing.note.terms import NoteTerms
from support.books import random_book

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def book():
    return gf.assign_positions(gf.demo_chain())


@pytest.fixture(scope="module")
def notes():
    return gf.book_notes(gf.demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _named(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def _bars(ax):
    """Heights of the bars of each part, by its name in the legend."""
    return {c.get_label(): np.array([bar.get_height() for bar in c]) for c in ax.containers}


def test_a_hedge_flow_draws_its_causes_by_expiry(book):
    flow = gf.hedge_flow(book, spot=65_000, days=1.0, vol_shift=0.1, steps=4)
    ax = flow.plot()
    bars = _bars(ax)
    assert list(bars) == ["spot", "time", "volatility"]
    for name, heights in bars.items():
        np.testing.assert_allclose(heights * 1e6, flow.by_expiry[name], rtol=1e-12)
    assert ax.get_ylabel() == "traded [USD m], + = dealers buy"
    assert ax.get_xlabel() == "expiry [UTC]; spot to 65,000, 1 day, +10 vol points"


@pytest.mark.parametrize("change", ["spot_percent", "hours", "vol_points"])
def test_a_ladder_draws_reprice_and_first_order(change):
    ladder = gf.flow_ladder(random_book(3), spot_percent=[5.0, -2.0], hours=[12.0, 3.0], vol_points=[-1.0])
    ax = ladder.plot(change)
    table = ladder.table.xs(change).sort_index()
    divisor = {"traded [USD k], + = dealers buy": 1e3, "traded [USD m], + = dealers buy": 1e6}[
        ax.get_ylabel()
    ]
    for name, column in (("full revaluation", "flow"), ("first order", "first_order")):
        moves, values = _named(ax, name).get_data()
        drawn = pd.Series(values * divisor, moves)
        assert drawn.pop(0.0) == 0.0
        assert drawn.index.to_list() == table.index.to_list()
        np.testing.assert_allclose(drawn, table[column], rtol=1e-12)


def test_a_ladder_has_three_kinds_of_moves(book):
    with pytest.raises(SchemaError, match="change: received 'spot'; legal: 'spot_percent', 'hours'"):
        gf.flow_ladder(book).plot("spot")


def test_early_exercise_is_drawn_by_moneyness_and_kind():
    found = gf.compare_exercise(gf.assign_positions(gf.demo_chain(symbol="IBIT")))
    ax = found.plot()
    right = found.table["gamma_difference"].unstack("kind").fillna(0.0)
    for kind, heights in _bars(ax).items():
        np.testing.assert_allclose(heights * 1e3, right[kind.removesuffix("s")], rtol=1e-12)
    assert [t.get_text() for t in ax.get_xticklabels()] == list(map(str, right.index))
    assert ax.get_ylabel() == "gamma of early exercise [USD k per +1 % spot]"
    with pytest.raises(SchemaError, match="measure: received 'vega'; legal: 'gamma', 'delta'"):
        found.plot("vega")


def test_smiles_are_drawn_as_fitted_with_the_quotes_behind_them(book):
    smiles = gf.fit_smiles(book)
    ax = smiles.plot([0, 3])
    assert _legend(ax) == ["2026-02-06", "2026-02-20"]
    k, sigma = _named(ax, "2026-02-20").get_data()
    drawn = np.isfinite(sigma)
    np.testing.assert_allclose(sigma[drawn], 100.0 * smiles.volatility(3, k[drawn]), rtol=1e-12)
    strikes = len(np.unique(book["strike"][book["expiry"] == np.unique(book["expiry"])[3]]))
    quotes = [line for line in ax.lines if line.get_marker() == "."]
    assert len(quotes[1].get_xdata()) == strikes
    # The demo's quotes follow a smile of their own: the fit is within a point of each.
    nearest = np.interp(quotes[1].get_xdata(), k[drawn], sigma[drawn])
    assert np.abs(nearest - quotes[1].get_ydata()).max() < 1.0
    assert len(_legend(smiles.plot())) == 6
    with pytest.raises(SchemaError, match="expiry: received"):
        smiles.plot([7])


def test_a_repair_is_drawn_before_and_after():
    chain = gf.demo_chain()
    repaired = gf.repair_chain(chain, prefer="mid")
    expiry = pd.Timestamp("2026-02-20T08:00Z")
    ax = repaired.plot(expiry)
    rows = chain["expiry"] == expiry.tz_localize(None).to_datetime64()
    assert rows.any()
    for name, chosen in (("vendor", chain), ("repaired", repaired)):
        strikes, values = _named(ax, name).get_data()
        np.testing.assert_array_equal(strikes, chosen["strike"][rows])
        np.testing.assert_allclose(values, 100.0 * chosen["iv"][rows], rtol=1e-12)
    swapped = repaired.marks["iv_source"].isin(["mid", "other leg"]).to_numpy()
    most = pd.Series(chain["expiry"][swapped]).value_counts()
    named = pd.Timestamp(repaired.plot().get_title(loc="left").split("expiry ")[1].split(",")[0])
    assert most[named] == most.max()
    with pytest.raises(SchemaError, match="expiry: received '2020-01-01T00:00Z'; legal: one of the chain's"):
        repaired.plot("2020-01-01T00:00Z")


def test_quality_draws_what_is_usable_and_what_is_not():
    chain = gf.demo_chain()
    none = np.where(np.arange(len(chain)) < 10, np.nan, chain["iv"])
    quality = chain.with_columns(iv=none).quality
    ax = quality.plot()
    (heights,) = _bars(ax).values()
    lost = quality.table["open_interest"].drop("open interest zero", errors="ignore")
    assert (heights * 1e3).sum() == pytest.approx(quality.open_interest)
    assert heights[0] * 1e3 == pytest.approx(quality.usable_open_interest)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["usable", *lost.index]


def test_levels_of_expiries_are_drawn_in_their_rows(book):
    found = gf.flip_term_structure(gf.sweep_spot(book, np.linspace(50_000, 95_000, 91)))
    ax = found.plot()
    for name, column in (("nearest zero gamma", "nearest_flip"), ("trough of gamma", "trough")):
        spots, rows = _named(ax, name).get_data()
        np.testing.assert_array_equal(spots, found.table[column])
        np.testing.assert_array_equal(rows, np.arange(len(book.expiries)))
    (bars,) = ax.containers
    np.testing.assert_allclose([bar.get_x() for bar in bars], found.table["core_low"], rtol=1e-12)
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    np.testing.assert_allclose(ends, found.table["core_high"], rtol=1e-12)
    assert ax.yaxis_inverted()


def test_treatments_of_data_are_drawn_where_they_have_a_number():
    found = gf.sensitivity(gf.demo_chain())
    ax = found.plot()
    (heights,) = _bars(ax).values()
    np.testing.assert_allclose(heights * 1e6, found.table["gamma"].dropna(), rtol=1e-12)
    assert ax.get_ylabel() == "gamma [USD m per +1 % spot]"
    assert "vendor gamma" not in [t.get_text() for t in ax.get_xticklabels()]


def test_notes_are_drawn_by_barrier_and_by_note(notes):
    found = gf.note_maps.barrier_map(notes, step=1.0)
    ax = found.plot("notional")
    (bars,) = ax.containers
    assert [t.get_text() for t in ax.get_xticklabels()] == ["28.00", "35.00", "38.00", "43.00"]
    drawn = [bar.get_height() * 1e6 for bar in bars]
    assert drawn == pytest.approx(found.table["notional"].sort_index().to_list())
    assert "spot 40.53" in ax.get_title(loc="left")
    assert ax.get_xlabel() == "level [USD]"
    with pytest.raises(SchemaError, match="column: received 'shares'; legal: 'trade', 'notional'"):
        found.plot("shares")
    places = gf.note_maps.locate(notes)
    ax = places.plot()
    np.testing.assert_array_equal(_named(ax, "largest vega").get_xdata(), places.table["peak_vega"])
    assert not places.table["excess"].notna().any()
    assert _legend(ax) == ["barrier", "largest vega", "spot 40.53"]


def test_sales_at_one_barrier_are_drawn_over_time():
    found = gf.note_maps.knock_in_sales(sigma=[0.56, 0.9], years=[0.25, 1 / 12, 1.0])
    ax = found.plot("daily")
    years, sold = _named(ax, "90 %").get_data()
    assert years.tolist() == [1 / 12, 0.25, 1.0]
    right = found.table.loc[0.9, "daily"].sort_index()
    np.testing.assert_allclose(sold * 1e6, right, rtol=1e-12)
    assert ax.get_ylabel() == "sold at the barrier, observed daily [currency m]"
    assert found.plot("delta").get_ylabel() == "|delta| at the barrier, observed continuously [-]"
    assert ax.get_title(loc="left") == "Sold when 530 m of notes knock in at 0.7 of initial"


def test_an_overlay_draws_note_puts_and_both():
    terms = NoteTerms(
        [1.75],
        continuous=True,
        barrier=0.7,
        edges=[1.0],
        intact=[[1.0, 0.0], [1.0, 0.0]],
        hit=[[0.0, 1.0], [1.0, 0.0]],
    )
    overlay = gf.note_maps.vega_matched_puts(terms, [0.6, 0.8, 1.0], spot=1.0, sigma=0.56, notional=530e6)
    ax = overlay.plot(currency="USD")
    for name in ("note", "puts", "net"):
        np.testing.assert_allclose(_named(ax, name).get_ydata() * 1e6, overlay.table[name], rtol=1e-12)
    assert ax.get_ylabel() == "gamma [USD m per +1 % spot]"


def test_a_study_says_what_it_is_of(book):
    found = gf.flip_path(book, [0, 1])
    text = found.summary()
    assert text == repr(found)
    head = text.splitlines()
    assert head[0] == "FlipPath BTC, as of 2026-02-05 09:36 UTC, spot 71,470.00 USD"
    assert head[1].startswith("rule: calls_long_puts_short (")
    assert head[2].startswith("sign: + = dealers are long")
    assert "77,508.5" in text
    page = found._repr_html_()
    assert "<table" in page
    assert "FlipPath BTC" in page


def test_pictures_are_drawn_where_they_are_told(book):
    from matplotlib import pyplot

    _, axes = pyplot.subplots(1, 2)
    assert gf.flow_ladder(book, hours=[1.0]).plot(ax=axes[0]) is axes[0]
    assert gf.fit_smiles(book).plot(ax=axes[1]) is axes[1]
