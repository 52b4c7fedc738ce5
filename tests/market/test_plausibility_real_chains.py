"""Recorded chains are silent but for what is true of them, and every corruption of them is noticed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import ReaderError
from gammaflow.market.readers import chain_from_frame, read_chain
from support.implausible import CORRUPTIONS, FORWARDS, assert_noticed

#: Real chains with something to say, and its topic: contracts of an acquired company, of which only some rows
#: came with the acquirer's.
TRUE_OF = {("CDE.json", "NGD"): {"rows"}}


def real_chains(shared, every=1):
    """Each recorded file as its chains, with name and symbol; of snapshots each `every`th."""
    data = shared / "data"
    snapshots = sorted([*data.glob("deribit/*snapshot*.csv"), *data.glob("deribit_daily/*.csv")])[::every]
    listed = sorted(
        [*data.glob("cboe/*.csv"), *data.glob("yahoo_cboe_json/*.json"), *data.glob("stocks/*.json")]
    )
    wanted = [(path, {"symbol": s}) for path, s in product(snapshots, ("BTC", "ETH"))]
    wanted += [
        (p, {"symbol": s}) for p in listed for s in (("CDE", "NGD") if p.name == "CDE.json" else (None,))
    ]
    raw = data / "raw_formats"
    wanted += [(raw / "mimir_deribit_book_summary.json", {}), (raw / "mimir_cboe_options_mstr.json", {})]
    wanted += [(raw / "mimir_cboe_options.json", {"asof": "2026-07-01T16:00:00-04:00"})]
    for path, how in wanted:
        try:
            yield path.name, how.get("symbol"), read_chain(path, **how)
        except ReaderError:
            assert path.name == "CPRX.json"  # its rows contradict their symbols


@pytest.mark.slow
def test_real_chains_are_silent_but_for_what_is_true_of_them(shared):
    found, count = {}, 0
    for name, symbol, chain in real_chains(shared, every=16):
        count += 1
        if chain.quality.warnings:
            found[name, symbol] = {line.partition(":")[0] for line in chain.quality.warnings}
    assert count == 33
    assert found == TRUE_OF


@pytest.mark.slow
def test_hourly_chains_with_inferred_forwards_are_silent(shared):
    folder = shared / "data/deribit_greeks"
    quotes = pd.read_csv(folder / "full_data_sample.csv")
    times = pd.read_csv(folder / "inferred_times_forwards.csv").rename(columns={"date_label": "date"})
    rows = quotes.merge(times, on=["date", "expiry_date"])
    rows = rows.assign(iv=rows["mark_iv"] / 100, kind=rows["type"], forward=rows["inferred_forward"])
    count = 0
    for _, hour in rows.groupby("date"):
        chain = chain_from_frame(
            hour.drop_duplicates("instrument_name"),
            columns={"contract": "instrument_name", "expiry": "expiry_date"},
            symbol="BTC", spot=hour.sort_values("expiry_date")["forward"].iloc[0],
            asof=hour["inferred_time_utc"].min() + "Z", multiplier=1, settlement="08:00 UTC",
        )  # fmt: skip
        assert chain.warnings == ()
        count += 1
    assert count == 37


#: What cannot be told of files of ten rows, or whose rows have neither quotes nor forwards.
NOT_TOLD = {
    ("mimir_deribit_book_summary.json", None): {"median volatility 450 %", "half of the rows"},
    ("mimir_cboe_options.json", None): {"spot x 1.5", "median volatility 450 %", "half of the rows"},
    ("CDE.json", "NGD"): {"spot x 1.5", "median volatility 450 %"},
}


@pytest.mark.slow
def test_every_corruption_of_real_chains_is_noticed(shared):
    missed = []
    for name, symbol, chain in real_chains(shared, every=34):
        wanted = CORRUPTIONS | (FORWARDS if not np.isnan(chain["forward"]).all() else {})
        for what in wanted:
            try:
                assert_noticed(chain, what, wanted)
            except AssertionError:
                if what not in NOT_TOLD.get((name, symbol), ()):
                    missed.append((name, symbol, what))
    assert missed == []
