"""The levels as one row."""

import io
from datetime import UTC

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf


@pytest.fixture(scope="module")
def report():
    return gf.analyze(gf.demo_chain())


def test_the_row_holds_the_levels(report):
    levels, spot = report.levels, report.book.spot
    table = pd.read_csv(io.StringIO(levels.to_row().to_csv()))
    assert list(table.columns[:5]) == ["time", "symbol", "spot", "call_wall", "put_wall"]
    row = table.iloc[0]
    assert pd.Timestamp(row["time"]) == report.book.asof.astimezone(UTC)
    told = levels.to_dict()
    assert (row["call_wall"], row["put_wall"], row["spot"]) == (told["call_wall"], told["put_wall"], spot)
    assert row["gamma_flip"] == pytest.approx(told["flips"][0]["spot"])
    zone = levels.zone
    assert (row["zone_high"], row["core_low"], row["trough"]) == pytest.approx(
        (zone.high, zone.core[0], zone.trough.spot)
    )
    pain = gf.demo_chain().select(expiry=report.book.expiries[0])
    strikes = np.unique(pain["strike"])
    paid = [
        np.sum(
            pain["open_interest"]
            * np.maximum(np.where(pain["kind"] == "call", at - pain["strike"], pain["strike"] - at), 0)
        )
        for at in strikes
    ]
    assert row["max_pain"] == strikes[np.argmin(paid)]
    assert np.log(row["day_high"] / spot) == pytest.approx(np.log(spot / row["day_low"]))
    assert row["gamma"] == pytest.approx(gf.aggregate_exposure(report.book).total()["gamma"])


def test_what_there_is_not_is_missing(report):
    row = gf.analyze(gf.demo_chain(), rule="unsigned").levels.to_row().iloc[0]
    missing = ["gamma_flip", "zone_low", "zone_high", "core_low", "core_high", "trough"]
    assert row[missing].isna().all()
    assert row.drop(missing).notna().all()


def test_an_end_that_was_not_found_is_missing():
    book = gf.assign_positions(gf.demo_chain(), "short_all")
    zone = gf.sweep_spot(book).levels().zone
    row = gf.sweep_spot(book).levels().to_row().iloc[0]
    assert [np.isnan(row["zone_low"]), np.isnan(row["zone_high"])] == [zone.low_open, zone.high_open]
