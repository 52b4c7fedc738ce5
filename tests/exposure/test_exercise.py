from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import american, bsm
from gammaflow.errors import SchemaError
from gammaflow.exposure.exercise import EDGES, compare_exercise
from support.books import random_book


def mixed_book(rows: int = 90, **changes):
    """Two rows of three are American; rates and yields of both signs; forwards."""
    book = random_book(21, rows, **changes)
    style = np.where(np.arange(rows) % 3 > 0, "american", "european").astype(object)
    return replace(book, columns={**book.columns, "exercise": style})


def test_sums_by_what_there_is():
    found = compare_exercise(gf.assign_positions(gf.demo_chain(symbol="IBIT")))
    pd.testing.assert_frame_equal(found.by("kind", "moneyness"), found.table)
    assert found.by("moneyness")["gamma_american"].sum() == pytest.approx(found.total()["gamma_american"])
    with pytest.raises(gf.SchemaError, match=r"by: received \('strike',\); legal: one or more of 'kind'"):
        found.by("strike")
    with pytest.raises(gf.SchemaError, match=r"by: received \(\)"):
        found.by()


def test_sums_are_those_of_the_array_level() -> None:
    book = mixed_book()
    found = compare_exercise(book, measures=("gamma", "delta", "vega", "gross_gamma"))
    mask = book["exercise"] == "american"
    U = (book.underlying_ratio * book.spot)[mask]
    at = (book.flag[mask], U, *(a[mask] for a in (book["strike"], book.years, book["rate"], book["sigma"])))
    held = american.greeks(*at, book.underlying_yield[mask], precision="precise")
    without = bsm.greeks(*at, book.underlying_yield[mask])
    two = found.rows["unsupported"].to_numpy()
    assert 0 < two.sum() < 20
    size = book.size[mask]
    for name, per, greek in (
        ("gamma", 0.01 * U * U * size, "gamma"), ("delta", U * size, "delta"), ("vega", 0.01 * size, "vega"),
        ("gross_gamma", 0.01 * U * U * np.abs(size), "gamma"),
    ):  # fmt: skip
        european = per * without[greek]
        np.testing.assert_allclose(found.rows[f"{name}_european"], european, rtol=1e-10, atol=1e-9)
        right = np.where(two, european, per * held[greek])
        scale = np.abs(european).max()
        np.testing.assert_allclose(found.rows[f"{name}_american"], right, rtol=1e-5, atol=1e-6 * scale)
        assert found.total()[f"{name}_american"] == pytest.approx(right.sum(), abs=1e-5 * np.abs(right).sum())
        difference = found.total()[f"{name}_american"] - found.total()[f"{name}_european"]
        assert found.total()[f"{name}_difference"] == pytest.approx(difference)
        percent = 100 * difference / abs(found.total()[f"{name}_european"])
        assert found.total()[f"{name}_percent"] == pytest.approx(percent)
    intrinsic = at[0] * (U - at[2])
    np.testing.assert_array_equal(found.rows["exercised"][~two], (held.price == intrinsic)[~two])


def test_classes_cover_every_row_and_add_up() -> None:
    book = mixed_book()
    found = compare_exercise(book)
    rows, table = found.rows, found.table
    assert len(rows) == 60 == table["rows"].sum() == found.total()["rows"]
    assert list(rows["contract"]) == list(book["contract"][book["exercise"] == "american"])
    for name in ("gamma_european", "gamma_american", "delta_difference", "exercised"):
        assert table[name].sum() == pytest.approx(found.total()[name])
        assert found.by("kind")[name].sum() == pytest.approx(found.total()[name])
    bounds = [-np.inf, *EDGES, np.inf]
    labels = list(rows["moneyness"].cat.categories)[::-1]
    assert labels[0] == "below -20%"
    assert labels[3] == "-3% .. +3%"
    assert labels[-1] == "above +20%"
    place = rows["moneyness"].map({label: i for i, label in enumerate(labels)}).astype(int)
    depth = rows["depth"].to_numpy()
    assert (depth > np.take(bounds, place)).all()
    assert (depth <= np.take(bounds, place + 1)).all()
    put = rows["kind"] == "put"
    U = (book.underlying_ratio * book.spot)[book["exercise"] == "american"]
    np.testing.assert_allclose(depth[put], (book["strike"][book["exercise"] == "american"] / U - 1)[put])
    two = compare_exercise(book, measures=["vanna"], edges=[0.0])
    assert set(two.rows["moneyness"]) == {"above +0%", "below +0%"}
    assert list(two.table.columns)[3:] == [
        f"vanna_{s}" for s in ("european", "american", "difference", "percent")
    ]


def test_nothing_differs_without_rate_and_yield() -> None:
    book = mixed_book(rate=np.zeros(90), dividend_yield=np.zeros(90))
    found = compare_exercise(book)
    assert found.total()["gamma_difference"] == 0.0
    assert found.total()["exercised"] == 0
    assert (found.rows["delta_american"] == found.rows["delta_european"]).all()


def test_an_empty_sum_has_no_percentage() -> None:
    book = mixed_book()
    american_rows = book["exercise"] == "american"
    none = replace(book, columns={**book.columns, "position": np.where(american_rows, 0.0, book["position"])})
    assert np.isnan(compare_exercise(none).total()["gamma_percent"])


def test_repr_says_what_was_assumed() -> None:
    text = repr(compare_exercise(mixed_book(rate=np.full(90, 0.036), dividend_yield=np.full(90, 0.011))))
    assert "rate 3.60%, yield 1.10% .. 3.60%; " in text
    assert "rows on forwards" in text
    assert "60 rows; " in text
    assert "USD per +1 % spot (" in text
    assert "+ = dealers are long" in text


def test_wrong_arguments_are_refused() -> None:
    book = mixed_book()
    with pytest.raises(SchemaError, match="measures: received 'gex'; legal: 'delta', 'gamma'"):
        compare_exercise(book, measures=["gex"])
    for edges in ((), (0.1, 0.1), (0.2, 0.1), (0.0, np.nan), ((0.1, 0.2), (0.3, 0.4))):
        with pytest.raises(SchemaError, match=r"edges: received .* numbers that increase"):
            compare_exercise(book, edges=edges)
    with pytest.raises(SchemaError, match="none of 60 rows is American"):
        compare_exercise(random_book(1))


# Rate, yield, GEX of European and of American exercise [USD per +1 %], change of gross gamma [%], exercised.
REAL = {
    "yahoo_cboe_json/IBIT_20260714T2010ET.json": (0.036, 0.0, 46.48e6, 42.92e6, 1.13, 23),
    "yahoo_cboe_json/SPY_20260714T1556ET.json": (0.036, 0.011, 11.303e9, 11.004e9, 0.46, 88),
    "cboe/spy_20230914_carlosjimenezdiaz.csv": (0.054, 0.015, 2.813e9, 2.192e9, 1.69, 1),
}


@pytest.mark.parametrize("name", REAL)
def test_real_chains(shared: Path, name: str) -> None:
    """As read, with rate and yield set; every change sits in puts, the larger the deeper in the money."""
    rate, q, european, american_, gross, gone = REAL[name]
    chain = gf.read_chain(shared / "data" / name).with_columns(rate=rate, dividend_yield=q)
    found = compare_exercise(gf.assign_positions(chain), measures=("gamma", "gross_gamma"))
    total = found.total()
    assert total["gamma_european"] == pytest.approx(european, rel=1e-3)
    assert total["gamma_american"] == pytest.approx(american_, rel=1e-3)
    assert total["gross_gamma_percent"] == pytest.approx(gross, abs=0.01)
    assert total["exercised"] == gone
    assert total["unsupported"] == 0
    change: pd.DataFrame = found.by("kind")["gamma_difference"].abs()
    assert change["call"] < 1e-3 * change["put"]
    puts = found.table.loc["put", "gamma_percent"].abs()
    assert puts["+3% .. +10%"] > 2 * puts["-3% .. +3%"]
