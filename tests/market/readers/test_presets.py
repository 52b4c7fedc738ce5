"""Presets: the sample of each vendor is one chain, down to its levels; and what each asks for."""

import json

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.readers import PRESETS, read_chain
from support import preset_samples as samples

FOLDER = samples.FOLDER
KEY = ["expiration", "strike", "call_put"]


def table(name):
    return pd.read_csv(FOLDER / name)


def document(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def alpaca():
    """Snapshots joined with the contracts' open interest."""
    rows = [{"contract": name} | row for name, row in document("alpaca.json")["snapshots"].items()]
    contracts = pd.DataFrame(document("alpaca_contracts.json")["option_contracts"]).set_index("symbol")
    return pd.json_normalize(rows).join(contracts[["open_interest", "open_interest_date"]], on="contract")


def databento():
    """Definitions joined with open interest and quotes."""
    statistics = table("databento_statistics.csv").query("stat_type == 9").set_index("instrument_id")
    joined = table("databento_definition.csv").join(
        statistics["quantity"].rename("open_interest"), on="instrument_id"
    )
    return joined.merge(table("databento_quotes.csv"), on="instrument_id", how="left")


def tastytrade():
    """The nested chain's symbols joined with events."""
    strikes = pd.json_normalize(document("tastytrade.json")["data"]["items"], ["expirations", "strikes"])
    names = pd.concat(
        strikes[[side, f"{side}-streamer-symbol"]].set_axis(["contract", "event_symbol"], axis=1)
        for side in ("call", "put")
    )
    return names.merge(table("tastytrade_events.csv"), on="event_symbol")


def thetadata():
    """Greeks joined with open interest."""
    key = ["symbol", "expiration", "strike", "right"]
    return table("thetadata.csv").merge(table("thetadata_open_interest.csv")[[*key, "open_interest"]], on=key)


#: What is read, and what must be said besides.
CASES = {
    "alpaca": (alpaca, {"spot": 100.0}),
    "databento": (databento, {"spot": 100.0, "asof": samples.ASOF}),
    "dolthub": (
        lambda: table("dolthub.csv").merge(table("open_interest.csv"), on=KEY),
        {"spot": 100.0, "asof": samples.ASOF},
    ),
    "ibkr": (lambda: FOLDER / "ibkr.csv", {}),
    "optionmetrics": (lambda: FOLDER / "optionmetrics.csv", {"spot": 100.0, "asof": samples.ASOF}),
    "orats": (lambda: FOLDER / "orats.json", {}),
    "polygon": (lambda: FOLDER / "polygon.json", {}),
    "schwab": (lambda: FOLDER / "schwab.json", {}),
    "tastytrade": (tastytrade, {"spot": 100.0, "asof": samples.ASOF}),
    "thetadata": (thetadata, {}),
    "thetadata_v2": (lambda: FOLDER / "thetadata_v2.csv", {"asof": samples.ASOF}),
    "tradier": (lambda: FOLDER / "tradier.json", {"spot": 100.0}),
}
NO_ADJUSTED = {"dolthub", "ibkr", "orats", "tastytrade"}


def read(name, **more):
    make, facts = CASES[name]
    how = {"preset": "databento", "units": {"bid": 1e-9, "ask": 1e-9}} if name == "databento" else name
    return read_chain(make(), columns=how, **facts | more)


def by_contract(chain):
    """Rows of a chain by expiry, strike and kind, whatever the vendor's names and order."""
    return chain.to_frame().set_index(["expiry", "strike", "kind"]).sort_index()


@pytest.fixture(scope="module")
def options():
    """The chain behind every sample, contract by contract."""
    return samples.options()


@pytest.fixture(scope="module")
def expected(options):
    """Levels and totals of that chain, as `chain_from_frame` reads it."""
    frame = pd.DataFrame([o._asdict() for o in options])[["expiry", "strike", "kind", "open_interest", "iv"]]
    frame["exercise"] = "american"
    chain = gf.chain_from_frame(frame, symbol="XYZ", spot=100.0, asof=samples.ASOF, multiplier=100)
    return summed(chain)


def summed(chain):
    report = gf.analyze(chain, rate=samples.RATE, dividend_yield=0.0)
    return report.exposure.total(), report.levels.to_dict()


@pytest.mark.parametrize("name", PRESETS)
def test_a_sample_is_the_chain_that_it_was_made_of(name, options):
    chain = read(name)
    assert (chain.symbol, chain.spot, chain.file_format) == ("XYZ", 100.0, name)
    assert chain.asof.floor("s") in (samples.ASOF, samples.ASOF - pd.Timedelta("1s"))
    found = by_contract(chain)
    assert len(found) == len(options)
    for o in options:
        row = found.loc[(o.expiry, o.strike, o.kind)]
        assert row["open_interest"] == o.open_interest
        assert (row["multiplier"], row["exercise"], row["settlement"]) == (100.0, "american", "PM")
        if name != "databento":
            np.testing.assert_allclose(row["iv"], o.iv, rtol=1e-12)
        if row["bid"] == row["bid"]:
            assert row["bid"] == o.bid
        else:  # no bid is a sentinel there
            assert (o.bid == 0.0) is (name in ("databento", "ibkr"))
        assert row["ask"] == o.ask
    adjusted = 0 if name in NO_ADJUSTED else 1
    assert sum(n for why, n in chain.left_out.items() if "adjusted" in why or "ss_flag" in why) == adjusted


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "databento"])
def test_levels_and_totals_are_the_same(name, expected):
    total, levels = summed(read(name))
    pd.testing.assert_series_equal(total, expected[0], rtol=1e-9)
    assert levels.keys() == expected[1].keys()
    for key, value in levels.items():
        if isinstance(value, float):
            assert value == pytest.approx(expected[1][key], rel=1e-9)
