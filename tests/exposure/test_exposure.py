import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.units import MEASURES
from support.books import naive_money, random_book, slope_of
from support.desk_pages import page_model

# What fourth-order differences of a value of this size can resolve.
TOLERANCE = {"delta": 1e-8, "gamma": 1e-6, "gross_gamma": 1e-6, "vanna": 1e-5, "charm": 1e-4, "vega": 1e-6,
             "theta": 1e-4}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_totals_equal_a_naive_loop_of_differences(seed):
    book = random_book(seed)
    exposure = gf.aggregate_exposure(book)
    naive = naive_money(book, book.spot)
    for measure, value in naive.items():
        scale = np.abs(exposure.rows[measure]).sum()
        assert abs(exposure.total()[measure] - value) < TOLERANCE[measure] * scale, measure


def test_speed_zomma_and_color_are_derivatives_of_gamma_in_money():
    book = random_book(4)
    total = gf.aggregate_exposure(book).total()
    scale = total["gross_gamma"]

    def gamma(move=0.0, **roll):
        return gf.sweep_spot(book, [book.spot * (1 + move)], **roll).table["gamma"].iloc[0]

    assert total["speed"] == pytest.approx(0.01 * slope_of(gamma, 1e-4), abs=1e-8 * scale)
    by_vol = slope_of(lambda e: gamma(vol_shift=e), 1e-4)
    assert total["zomma"] == pytest.approx(0.01 * by_vol, abs=1e-8 * scale)
    h = 1e-4
    by_day = (4 * gamma(days=h) - gamma(days=2 * h) - 3 * gamma()) / (2 * h)
    assert total["color"] == pytest.approx(by_day, abs=1e-6 * scale)


def test_dollar_gamma_on_a_forward_is_forward_squared_times_its_gamma():
    book = random_book(5)
    on_forward = ~np.isnan(book["forward_ratio"])
    forward = book["forward_ratio"] * book.spot
    greeks = gf.bsm.greeks(
        book.flag, forward, book["strike"], book.years, book["rate"], book["sigma"], book["rate"]
    )
    units = book["position"] * book["multiplier"]
    rows = gf.aggregate_exposure(book).rows
    np.testing.assert_allclose(
        rows["gamma"][on_forward], (units * greeks.gamma * forward**2 * 0.01)[on_forward], rtol=1e-12
    )
    np.testing.assert_allclose(
        rows["delta"][on_forward], (units * greeks.delta * forward)[on_forward], rtol=1e-12
    )


def test_groups_add_up_to_the_total():
    exposure = gf.aggregate_exposure(random_book(6, rows=300))
    scale = pd.Series({m: np.abs(v).sum() for m, v in exposure.rows.items()})
    for keys in (["expiry"], ["strike"], ["kind"], ["venue"], ["contract"], ["expiry", "strike", "kind"]):
        difference = exposure.by(*keys).sum() - exposure.total()
        assert (difference.abs() < 1e-12 * scale).all(), keys


def test_table_is_grouped_as_asked():
    book = random_book(7)
    assert gf.aggregate_exposure(book).table.index.names == ["expiry", "strike"]
    table = gf.aggregate_exposure(book, by="strike").table
    assert table.index.name == "strike"
    assert list(table.columns) == list(MEASURES)
    strike = book["strike"][0]
    rows = gf.aggregate_exposure(book).rows
    assert table.loc[strike, "vega"] == pytest.approx(rows["vega"][book["strike"] == strike].sum(), rel=1e-12)
    assert str(gf.aggregate_exposure(book, by="expiry").table.index.tz) == "UTC"


def test_signs_turn_and_sizes_scale_every_measure_but_the_gross_one():
    book = random_book(8)
    one, other = gf.aggregate_exposure(book).total(), gf.aggregate_exposure(-book).total()
    double = gf.aggregate_exposure(random_book(8, multiplier=2 * book_in_given_order(8))).total()
    for measure in MEASURES:
        assert other[measure] == (one[measure] if measure == "gross_gamma" else -one[measure])
        assert double[measure] == pytest.approx(2 * one[measure], rel=1e-12)


def book_in_given_order(seed):
    frame = random_book(seed).to_frame()
    order = frame["contract"].str[1:].astype(int).to_numpy().argsort()
    return frame["multiplier"].to_numpy()[order]


@pytest.mark.parametrize("by", ["colour", [], ["expiry", "colour"]])
def test_unknown_keys_are_refused(by):
    with pytest.raises(SchemaError, match="legal: one or more of 'expiry', 'strike', 'kind'"):
        gf.aggregate_exposure(random_book(0), by=by)


def test_keys_of_a_table_are_not_listed():
    with pytest.raises(SchemaError, match="each once, not in a list"):
        gf.aggregate_exposure(random_book(0)).by(["strike", "expiry"])


def test_repr_prints_units_rule_and_sign():
    text = repr(gf.aggregate_exposure(gf.assign_positions(gf.demo_chain())))
    assert "USD per +1 % spot" in text
    assert "rule: calls_long_puts_short" in text
    assert "+ = dealers are long" in text
    assert "598 of 598 rows usable" in text
    unsigned = gf.aggregate_exposure(gf.assign_positions(gf.demo_chain(), "unsigned"))
    assert "sign: none (open interest alone)" in repr(unsigned)


def test_to_dict_is_plain():
    plain = gf.aggregate_exposure(random_book(0)).to_dict()
    assert type(plain["total"]["gamma"]) is float
    assert plain["units"]["gamma"] == "USD per +1 % spot"


@pytest.fixture(scope="module")
def with_notes() -> gf.Exposure:
    """Options on IBIT of 598 rows, short, and the ten demo notes, whose initial fixings are 50.5 to 52.9."""
    chain = gf.demo_chain(symbol="IBIT")
    notes = gf.book_notes(gf.demo_notes(), spot=chain.spot, asof=chain.asof, sigma=0.5, rate=0.03)
    return gf.aggregate_exposure(gf.assign_positions(chain, "short_all") + notes)


def test_notes_are_in_no_table_by_strike_and_nothing_is_lost(with_notes):
    exposure, book = with_notes, with_notes.book
    options = book.select(book["kind"] != "note")
    rows = {name: values[book["kind"] == "note"].sum() for name, values in exposure.rows.items()}
    assert np.count_nonzero(~book.has_strike) == 10
    for keys in (("strike",), ("expiry", "strike"), ("strike", "kind"), ("contract", "strike")):
        table = exposure.by(*keys)
        strikes = table.index.get_level_values("strike")
        assert set(strikes) == set(options["strike"])
        for measure in MEASURES:
            parts = table[measure].sum() + exposure.without_strike[measure]
            scale = np.abs(exposure.rows[measure]).sum()
            assert parts == pytest.approx(exposure.total()[measure], abs=1e-12 * scale), (keys, measure)
            assert exposure.without_strike[measure] == pytest.approx(rows[measure], rel=1e-12)
        assert "note" not in table.index.names
    assert exposure.by("kind").loc["note", "vega"] == pytest.approx(rows["vega"], rel=1e-12)
    pd.testing.assert_frame_equal(exposure.table, exposure.by("expiry", "strike"))


def test_what_a_table_by_strike_leaves_out_is_said(with_notes):
    gamma = with_notes.without_strike["gamma"]
    words = f"not by strike: 10 notes without a strike, gamma {gamma:,.0f} USD per +1 % spot"
    assert with_notes.left_out("expiry", "strike") == words
    assert with_notes.left_out("expiry") == ""
    assert words in repr(with_notes)
    plain = gf.aggregate_exposure(random_book(1))
    assert plain.left_out("strike") == ""
    assert (plain.without_strike == 0.0).all()
    assert "not by strike" not in repr(plain)
    one = gf.aggregate_exposure(
        with_notes.book.select(with_notes.book["contract"] == gf.demo_notes()[0].name)
    )
    assert one.left_out("strike").startswith("not by strike: 1 note without a strike, gamma ")


def test_levels_of_a_book_with_notes_are_at_strikes_of_its_options(with_notes):
    """With the notes forty times as large their initial fixing was the absolute gamma strike."""
    notes = with_notes.book.select(~with_notes.book.has_strike)
    large = gf.Book(
        {**notes.columns, "position": 40.0 * notes["position"]},
        notes.symbol, notes.spot, notes.asof, terms=notes.terms,
    )  # fmt: skip
    options = with_notes.book.select(with_notes.book.has_strike)
    both, alone = (
        gf.find_levels(gf.sweep_spot(b, np.linspace(30, 60, 61))) for b in (options + large, options)
    )
    for level in ("call_wall", "put_wall", "absolute_gamma_strike"):
        assert getattr(both, level) == getattr(alone, level)
    pd.testing.assert_frame_equal(both.concentration, alone.concentration)
    pd.testing.assert_series_equal(both.max_pain, alone.max_pain)
    assert both.gamma != pytest.approx(alone.gamma, rel=0.01)


def test_profiles_by_strike_leave_notes_out(with_notes):
    options = with_notes.book.select(with_notes.book.has_strike)
    for dynamics in ("sticky_strike", "sticky_moneyness"):
        profiles = [gf.sweep_spot(b, [36.0, 41.0], dynamics=dynamics) for b in (with_notes.book, options)]
        found, expected = (profile.by("strike", "gamma") for profile in profiles)
        scale = expected.abs().sum(axis=1).max()
        pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-12 * scale)


def test_a_book_of_notes_alone_has_no_strikes(with_notes, tmp_path):
    notes = with_notes.book.select(~with_notes.book.has_strike)
    exposure = gf.aggregate_exposure(notes)
    assert len(exposure.by("strike")) == len(exposure.table) == 0
    assert exposure.without_strike["gamma"] == pytest.approx(exposure.total()["gamma"], rel=1e-12)
    profile = gf.sweep_spot(notes, np.linspace(30, 60, 61))
    assert profile.by("strike").shape == (61, 0)
    levels = gf.find_levels(profile)
    assert np.isnan([levels.call_wall, levels.put_wall, levels.absolute_gamma_strike]).all()
    assert ("absolute gamma strike", "none") in levels.lines()
    assert levels.to_dict()["absolute_gamma_strike"] is None
    assert len(levels.concentration) == len(levels.max_pain) == 0
    with pytest.raises(SchemaError, match=r"no row of the book has a strike .*10 notes.* Use by='expiry'"):
        exposure.plot("strike")
    report = gf.analyze(notes, spots=np.linspace(30, 60, 61))
    assert report.plot().axes[1].get_title(loc="left") == exposure.left_out("strike")
    model = page_model(report.to_html(tmp_path / "notes.html"))
    assert [table["strike"] for table in model["strikes"].values()] == [[]]
    assert model["sections"]["expiries"]["expiry"]
    table = model["sections"]["tables"]["strike"]
    assert [column["values"] for column in table["columns"]] == [[]] * len(table["columns"])
    assert table["note"] == exposure.left_out("strike")
    assert "## Heaviest strikes (0 of 0)" in report.to_markdown()


def test_reports_and_pictures_by_strike_say_what_they_leave_out(with_notes, tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    words = with_notes.left_out("strike")
    report = gf.analyze(with_notes.book, spots=np.linspace(30, 60, 61))
    assert report.exposure.left_out("strike") == words
    model = page_model(report.to_html(tmp_path / "both.html"))
    assert model["sections"]["tables"]["strike"]["note"] == words
    assert words in report.to_markdown()
    plain = report.to_dict()
    total = sum(row["gamma"] for row in plain["by_strike"]) + plain["without_strike"]["gamma"]
    assert total == pytest.approx(plain["total"]["gamma"], rel=1e-12)
    strikes = {row["strike"] for row in plain["by_strike"]}
    assert strikes == set(with_notes.book.select(with_notes.book.has_strike)["strike"])
    assert with_notes.plot("strike").get_xlabel() == f"strike [USD]\n{words}"
    assert report.plot().axes[1].get_xlabel() == f"strike [USD]\n{words}"
    assert with_notes.plot("expiry").get_xlabel() == "expiry [UTC]"
    plt.close("all")
