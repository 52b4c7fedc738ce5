"""The lower half of the desk page: each number found another way, on recorded chains and on small books."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.at_the_money import at_the_money
from gammaflow.report.desk import effort as costs
from gammaflow.report.desk.ahead import ahead, next_close
from gammaflow.report.desk.effort import affordable, effort
from gammaflow.report.desk.expiries import expiries
from gammaflow.report.desk.history import history
from gammaflow.report.desk.robustness import robustness
from gammaflow.report.desk.tables import tables
from gammaflow.report.desk.thin import near
from gammaflow.report.desk.venues import venues
from gammaflow.report.desk.volatility import volatility
from support.books import random_book

ASOF = pd.Timestamp("2026-02-05T09:36Z")


@pytest.fixture(scope="module", params=["deribit", "cboe", "stock"])
def recorded(request, shared):
    """A Deribit chain, an American stock, and the nearest expiries of SPX."""
    data = shared / "data"
    if request.param == "deribit":
        path = data / "deribit" / "deribit_options_snapshot_20260205T093616Z.csv"
        paths = [path] if path.exists() else sorted((data / "deribit").glob("*snapshot*"))
        return gf.analyze(gf.read_chain(paths[0], symbol="BTC"))
    if request.param == "stock":
        return gf.analyze(gf.read_chain(data / "stocks" / "AON.json"))
    chain = gf.read_chain(data / "cboe" / "spx_20230914_carlosjimenezdiaz.csv")
    return gf.analyze(chain, where=gf.filters.dte(0, 5))


@pytest.fixture(scope="module")
def later(recorded):
    return ahead(recorded)


@pytest.fixture(scope="module")
def demo_later(demo):
    return ahead(demo)


def _gamma(report, rows):
    return float(report.exposure.rows["gamma"][rows].sum())


def _dates(book):
    return pd.DatetimeIndex(book["expiry"], tz="UTC")


# --- expiries


def test_sums_by_expiry_are_those_of_the_rows(recorded):
    found, book = expiries(recorded), recorded.book
    gross = recorded.exposure.rows["gross_gamma"]
    for i, when in enumerate(found["expiry"]):
        rows = _dates(book) == pd.Timestamp(when)
        parts = found["measures"]["gamma"]
        assert parts["net"][i] == pytest.approx(_gamma(recorded, rows), rel=1e-9, abs=1e-6)
        calls = rows & (book["kind"] == "call")
        assert parts["call"][i] == pytest.approx(_gamma(recorded, calls), rel=1e-9, abs=1e-6)
        assert found["share"][i] == pytest.approx(gross[rows].sum() / gross.sum(), rel=1e-9, abs=1e-15)
    assert found["cumulative"][-1] == pytest.approx(1.0)
    json.dumps(found, allow_nan=False)


def test_the_flip_without_an_expiry_is_that_of_the_rest_of_the_book(recorded):
    found, book = expiries(recorded), recorded.book
    solved = [i for i, yes in enumerate(found["solved"]) if yes]
    assert solved
    i = max(solved, key=lambda i: found["share"][i])
    rest = book.select(np.asarray(_dates(book) != pd.Timestamp(found["expiry"][i])))
    flip = gf.sweep_spot(rest).levels().nearest_flip
    assert found["without"][i] == (pytest.approx(flip.spot, rel=1e-7) if flip else None)
    smallest = min(found["share"][i] for i in solved)
    assert smallest >= 0.01


def test_a_book_of_one_expiry_has_nothing_left_without_it():
    chain = gf.demo_chain()
    one = gf.analyze(chain.select(chain["expiry"] == chain["expiry"].max()))
    found = expiries(one)
    assert found["without"] == [None]
    assert found["share"] == [1.0]
    assert "One expiry" in found["note"]
    assert ahead(one)["after"] is None


def test_open_interest_alone_has_no_flips_anywhere():
    report = gf.analyze(gf.demo_chain(), rule="unsigned")
    found = expiries(report)
    assert found["flip"] is None
    assert set(found["without"]) == {None}
    assert ahead(report)["path"] is None
    rows = robustness(report)["rows"]
    dynamics = [
        f for f, group in zip(rows["flip"], rows["group"], strict=True) if group in ("dynamics", "report")
    ]
    assert set(dynamics) == {None}


# --- ahead


def test_the_path_is_that_of_flip_path(demo, demo_later):
    found = demo_later["path"]
    days = found["days"]
    assert days == list(map(float, range(15)))
    table = gf.flip_path(demo.book, [0, 7]).table
    for day in (0.0, 7.0):
        assert found["flip"][days.index(day)] == pytest.approx(table.loc[day, "nearest_flip"], rel=1e-7)
        assert found["core_low"][days.index(day)] == pytest.approx(table.loc[day, "core_low"], rel=1e-6)
    assert found["flip"][0] == pytest.approx(demo.levels.nearest_flip.spot, rel=1e-7)
    assert [e["label"] for e in found["expiries"]] == ["6 Feb 2026", "7 Feb 2026", "13 Feb 2026"]


def test_gamma_after_an_expiry_is_that_of_the_later_rows_revalued(recorded, later):
    found, book = later["after"], recorded.book
    beyond = np.asarray(_dates(book) > book.expiries[0])
    assert found["left"][0] == pytest.approx(_gamma(recorded, beyond), rel=1e-9, abs=1e-6)
    then = book.select(beyond).at(asof=book.expiries[0])
    want = gf.aggregate_exposure(then).total()
    assert found["gamma"][0] == pytest.approx(want["gamma"], rel=1e-6)
    assert found["gross"][0] == pytest.approx(want["gross_gamma"], rel=1e-6)
    assert found["left"][-1] == pytest.approx(0.0, abs=1e-6 * recorded.exposure.total()["gross_gamma"])


def test_trades_to_the_close_are_hedge_flows(recorded, later):
    found, book = later["close"], recorded.book
    days = found["hours"][-1] / 24.0
    away = pd.Timestamp(found["when"]) - book.asof
    assert away - pd.Timedelta(days, "D") < pd.Timedelta(1, "min") or not found["expires"]
    assert found["time"][0] == 0.0
    middle = len(found["hours"]) // 2
    flow = gf.hedge_flow(book, days=found["hours"][middle] / 24.0, steps=1)
    assert found["time"][middle] == pytest.approx(flow.total, rel=1e-9, abs=1e-3)
    vol = gf.hedge_flow(book, vol_shift=found["vol_points"][-1] / 100.0, steps=1)
    assert found["vol"][-1] == pytest.approx(vol.total, rel=1e-9)
    assert found["charm"] == recorded.exposure.total()["charm"]


def test_the_last_step_to_a_close_with_an_expiry_is_what_expires(demo, demo_later):
    found, book = demo_later["close"], demo.book
    assert found["expires"]
    assert found["hours"][-1] - found["hours"][-2] == pytest.approx(1.0 / 60.0)
    assert pd.Timestamp(found["when"]) == book.expiries[0]
    before, last = book.rolled(found["hours"][-2] / 24.0)[0], book.rolled(found["hours"][-1] / 24.0)[0]
    assert (before > 0.0).all()
    assert (last == 0.0).sum() == (_dates(book) == book.expiries[0]).sum()


@pytest.mark.parametrize(
    ("venue", "asof", "close"),
    [
        ("US options", "2026-02-05T14:31Z", "2026-02-05T21:00Z"),
        ("US options", "2025-11-28T14:31Z", "2025-11-28T18:00Z"),  # a half day
        ("US options", "2026-02-06T22:00Z", "2026-02-09T21:00Z"),  # Friday evening
        ("Deribit", "2026-02-05T07:59Z", "2026-02-05T08:00Z"),
        ("Deribit", "2026-02-05T08:00Z", "2026-02-06T08:00Z"),
        ("somewhere", "2026-02-05T09:00Z", "2026-02-06T08:00Z"),
    ],
)
def test_the_next_close_is_the_venues(venue, asof, close):
    book = gf.assign_positions(gf.demo_chain(), venue=venue).select(expiry="2026-06-26T08:00Z").at(asof=asof)
    assert next_close(book)[0] == pd.Timestamp(close)


# --- volatility


def test_vols_are_those_of_the_chain(recorded):
    found, chain = volatility(recorded), recorded.interest
    term = pd.DataFrame(found["term"]).set_index("expiry")
    atm = at_the_money(chain)
    skew = gf.positioning.call_skew(chain)
    for when, row in term.iterrows():
        want = atm[pd.Timestamp(when)]
        assert row["atm"] == pytest.approx(want, nan_ok=True)
        assert row["risk_reversal"] == pytest.approx(skew[pd.Timestamp(when)] * want, nan_ok=True)
    book, one = recorded.book, found["smiles"][0]
    assert set(one["vol"]) <= set(book["sigma"][_dates(book) == book.expiries[0]])
    assert len(found["smiles"]) == min(6, len(term))


def test_lines_are_the_fitted_smiles(demo):
    found, smiles = volatility(demo), gf.fit_smiles(demo.book)
    one = found["smiles"][-1]
    book = demo.book
    last = len(book.expiries) - 1
    rows = _dates(book) == book.expiries[last]
    forward = book.spot * book["forward_ratio"][rows][0]
    k = np.log(np.array(one["line_strike"]) / forward)
    assert one["line_vol"] == pytest.approx(smiles.volatility(last, k), rel=1e-9)


def test_a_book_without_vanilla_options_has_no_smile():
    notes = gf.book_notes(gf.demo_notes()[:1], spot=40.53, asof=ASOF, sigma=0.56)
    report = gf.analyze(notes, spots=[38.0, 40.0, 42.0])
    assert volatility(report) is None
    assert tables(report)["strike"]["columns"][0]["values"] == []
    assert "Smile dynamics" in {note.partition(":")[0] for note in robustness(report)["notes"]}


# --- venues and notes


@pytest.fixture(scope="module")
def three():
    """Options of two venues and notes in one unit."""
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    other = gf.assign_positions(chain.select(kind="put"), "short_all", venue="IBIT")
    notes = gf.book_notes(gf.demo_notes()[-2:], spot=40.53, asof=book.asof, sigma=0.56)
    notes = notes.in_units_of("BTC", gf.venues.IBIT, spot=book.spot)
    return gf.analyze(book + other + notes, spots=book.spot * np.array([0.8, 0.9, 1.0, 1.1, 1.2]))


def test_venues_are_books_of_their_own(three):
    stack = venues(three)["stack"]
    assert list(stack["by"]) == sorted(set(three.book["venue"]))
    assert len(stack["by"]) == 3
    for name, values in stack["by"].items():
        own = three.book.select(three.book["venue"] == name)
        assert values == pytest.approx(gf.sweep_spot(own, stack["spots"]).table["gamma"].to_list(), rel=1e-7)
    assert np.sum(list(stack["by"].values()), axis=0) == pytest.approx(np.array(stack["total"]), rel=1e-9)
    totals = dict(zip(stack["totals"]["venue"], stack["totals"]["gamma"], strict=True))
    rows = three.book["venue"] == "IBIT"
    assert totals["IBIT"] == pytest.approx(_gamma(three, rows), rel=1e-9)


def test_notes_are_those_of_the_barrier_map(three):
    notes = venues(three)["notes"]
    table = gf.note_maps.barrier_map(three.book).table
    assert notes["barrier"] == table["barrier"].to_list()
    assert notes["trade"] == table["trade"].to_list()
    assert notes["away"] == pytest.approx(np.log(table["barrier"] / three.book.spot).to_list())


def test_one_venue_without_notes_has_no_section(demo):
    assert venues(demo) is None


# --- tables


def _column(table, name):
    return next(column["values"] for column in table["columns"] if column["name"] == name)


def test_tables_hold_the_sums_of_the_rows(recorded):
    found, book = tables(recorded), recorded.book
    strikes = _column(found["strike"], "strike")
    assert strikes == sorted(set(book["strike"]))
    at = found["strike"]["at"]
    assert abs(np.log(strikes[at] / book.spot)) == np.abs(np.log(np.array(strikes) / book.spot)).min()
    rows = book["strike"] == strikes[at]
    for name, measure in (("net gamma", "gamma"), ("vanna", "vanna"), ("zomma", "zomma")):
        want = float(recorded.exposure.rows[measure][rows].sum())
        assert _column(found["strike"], name)[at] == pytest.approx(want, rel=1e-9, abs=1e-9)
    puts = rows & (book["kind"] == "put")
    assert _column(found["strike"], "put gamma")[at] == pytest.approx(_gamma(recorded, puts), rel=1e-9)
    assert sum(_column(found["expiry"], "net gamma")) == pytest.approx(recorded.levels.gamma, rel=1e-6)
    total = dict(zip(_column(found["total"], "measure"), _column(found["total"], "total"), strict=True))
    assert total["delta"] == recorded.exposure.total()["delta"]
    left = dict(zip(_column(found["unusable"], "reason"), _column(found["unusable"], "rows"), strict=True))
    assert {why: n for why, n in left.items() if "not in the chain" not in why} == {
        str(why): int(n) for why, n in recorded.quality.table["rows"].items()
    }
    json.dumps(found, allow_nan=False)


def test_a_book_without_a_chain_has_no_unusable_rows():
    found = tables(gf.analyze(random_book(3)))
    assert _column(found["unusable"], "rows") == []
    assert found["quality"] == []


# --- history


def _past(report, days, **columns):
    """Summaries of made-up earlier days, whose gamma is 1, 2, 3 ..."""
    row = dict(gf.summarize(report))
    rows = []
    for i, day in enumerate(days):
        changed = {
            "asof": report.book.asof - pd.Timedelta(day, "D"),
            "gamma": float(i + 1),
            "flip": 70_000.0 + i,
        }
        rows.append({**row, **changed, **columns})
    return pd.DataFrame(rows).set_index("asof").sort_index()


def test_history_tells_the_change_since_the_row_before(demo):
    past = _past(demo, [3, 2, 1])
    found = history(replace(demo, history=past))
    by = {one["name"]: one for one in found["series"]}
    flip = demo.levels.nearest_flip.spot
    assert by["nearest zero gamma"]["previous"] == 70_002.0
    assert by["nearest zero gamma"]["change"] == pytest.approx(flip - 70_002.0)
    assert by["nearest zero gamma"]["percentile"] == 100.0
    assert by["net gamma"]["values"] == pytest.approx([1.0, 2.0, 3.0, demo.levels.gamma])
    assert by["net gamma"]["percentile"] == 0.0
    assert by["spot"]["percentile"] == 50.0
    row = gf.summarize(demo)
    for column, name in (
        ("next_share", "expires next"),
        ("atm_volatility", "30-day at-the-money vol"),
        ("core_low", "core, low"),
    ):
        assert by[name]["now"] == pytest.approx(row[column])
    assert (found["rows"], found["others"], found["since"]) == (3, 0, "1 day")


def test_history_leaves_out_rows_of_another_rule_and_of_later_times(demo):
    past = pd.concat(
        [_past(demo, [4, 3]), _past(demo, [2], rule="mirror"), _past(demo, [0, -1])]
    ).sort_index()
    found = history(replace(demo, history=past))
    assert (found["rows"], found["others"]) == (2, 1)
    assert found["previous_asof"] == (demo.book.asof - pd.Timedelta(3, "D")).isoformat()
    assert history(replace(demo, history=_past(demo, [2], rule="mirror"))) is None
    assert history(demo) is None


# --- size


def test_larger_books_are_revalued_less_often(monkeypatch):
    book = gf.assign_positions(gf.demo_chain())
    assert effort(book) == len(book)
    american = replace(
        book, columns={**book.columns, "exercise": np.full(len(book), "american", dtype=object)}
    )
    assert effort(american) == 17.0 * len(book)
    assert affordable(book, 15, 3) == 15
    assert affordable(american, 15, 3) == 3
    monkeypatch.setattr(costs, "effort", lambda book: 1e6)
    assert affordable(book, 15, 3) == 0


def test_the_spots_of_pictures_are_near_and_few():
    spots = np.linspace(10.0, 200.0, 1901)
    at = near(spots, 100.0)
    assert len(at) == 201
    assert spots[at[[0, -1]]] == pytest.approx([70.0, 130.0])
    assert near(np.array([1.0, 2.0, 3.0]), 100.0).tolist() == [0, 1, 2]
