"""Every recorded file reads, or is refused with the reason; needs the recorded market data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import ReaderError
from gammaflow.market.readers import chain_from_frame, read_chain


@pytest.mark.parametrize(
    ("name", "symbol", "asof", "rows", "roots"),
    [
        ("spx_20220205_LucaCastelli", "SPX", "2022-02-06T01:09Z", 20514, {"SPX": 7536, "SPXW": 12978}),
        ("spx_20230914_carlosjimenezdiaz", "SPX", "2023-09-14T20:31Z", 19920, {"SPX": 6286, "SPXW": 13634}),
        ("spy_20230914_carlosjimenezdiaz", "SPY", "2023-09-14T20:31Z", 7292, {"SPY": 7292}),
        ("spy_20250516_Photon1c", "SPY", "2025-05-16T23:23Z", 3160, {"SPY": 3160}),
    ],
)
def test_quote_tables(
    shared: Path, name: str, symbol: str, asof: str, rows: int, roots: dict[str, int]
) -> None:
    chain = read_chain(shared / "data" / "cboe" / f"{name}.csv")
    assert (chain.symbol, chain.asof, len(chain), chain.file_format) == (
        symbol,
        pd.Timestamp(asof),
        rows,
        "cboe_csv",
    )
    assert pd.Series(chain["root"]).value_counts().to_dict() == roots
    settlement = pd.Series(chain["settlement"]).groupby(chain["root"]).unique().map(list).to_dict()
    assert settlement == {root: ["AM" if root == "SPX" else "PM"] for root in roots}


def test_quote_table_keeps_expired_rows_and_half_strikes(shared: Path) -> None:
    chain = read_chain(shared / "data" / "cboe" / "spy_20230914_carlosjimenezdiaz.csv")
    assert chain.quality.table["rows"]["expired"] == 250
    assert chain["strike"][list(chain["contract"]).index("SPY230922C00437500")] == 437.5


def test_deribit_snapshots(shared: Path) -> None:
    paths = sorted((shared / "data" / "deribit").glob("deribit_options_snapshot_*.csv"))
    assert len(paths) == 25
    for path in paths[::3]:
        with pytest.raises(ReaderError, match="holds options on 2 underlyings"):
            read_chain(path)
        raw = pd.read_csv(path)
        for symbol in ("BTC", "ETH"):
            rows = raw[raw["currency"] == symbol]
            chain = read_chain(path, symbol=symbol)
            assert f"{chain.asof:%Y%m%dT%H%M%SZ}" in path.name
            np.testing.assert_array_equal(chain["strike"], rows["strike"])
            np.testing.assert_array_equal(chain["forward"], rows["futures_price"])
            np.testing.assert_array_equal(chain["iv"], rows["implied_volatility"])
            np.testing.assert_array_equal(chain["bid"], rows["bid_price"])
            expiry = pd.DatetimeIndex(pd.to_datetime(rows["expiry_datetime"])).tz_localize(None)
            np.testing.assert_array_equal(chain["expiry"], expiry.to_numpy())
            assert chain.spot == rows["index_price"].median()
            assert dict(chain.left_out) == {
                f"of another underlying ({'ETH' if symbol == 'BTC' else 'BTC'})": len(raw) - len(rows)
            }


def test_spot_of_the_event(shared: Path) -> None:
    folder = shared / "data" / "deribit"
    spots = [
        read_chain(folder / f"deribit_options_snapshot_{stamp}.csv", symbol="BTC").spot
        for stamp in ("20260204T213308Z", "20260205T093647Z", "20260205T212937Z")
    ]
    np.testing.assert_allclose(spots, [73105, 71471, 63858], atol=1)


@pytest.mark.parametrize(
    ("name", "symbol", "asof", "spot", "rows", "blank", "greeks"),
    [
        ("IBIT_20260710T1937ET", "IBIT", "2026-07-10T23:37:30.530642Z", 36.23, 1937, 1, False),
        ("IBIT_20260712T0957ET", "IBIT", "2026-07-12T13:57:58.854877Z", 36.23, 2360, 4, True),
        ("IBIT_20260714T2010ET", "IBIT", "2026-07-15T00:10:04.308959Z", 36.58, 2339, 4, True),
        ("SPY_20260714T1556ET", "SPY", "2026-07-14T19:56:03.472938Z", 752.06, 10386, 63, True),
    ],
)
def test_yahoo(
    shared: Path, name: str, symbol: str, asof: str, spot: float, rows: int, blank: int, greeks: bool
) -> None:
    chain = read_chain(shared / "data" / "yahoo_cboe_json" / f"{name}.json")
    assert (chain.symbol, chain.asof, len(chain)) == (symbol, pd.Timestamp(asof), rows)
    assert chain.spot == pytest.approx(spot, abs=1e-5)
    assert np.isnan(chain["open_interest"]).sum() == blank
    assert np.isfinite(chain["vendor_gamma"]).all() == greeks
    assert set(chain["exercise"]) == {"american"}


def test_raw_answers(shared: Path) -> None:
    folder = shared / "data" / "raw_formats"
    chain = read_chain(folder / "mimir_deribit_book_summary.json")
    assert (chain.symbol, len(chain), chain.spot) == ("BTC", 10, 63128.25)
    assert chain.asof == pd.Timestamp(1783189639016, unit="ms", tz="UTC")
    assert chain["iv"][8] == pytest.approx(0.8497)
    chain = read_chain(folder / "mimir_cboe_options_mstr.json")
    assert (chain.symbol, len(chain), chain.spot) == ("MSTR", 48, 94.6604)
    assert chain.asof == pd.Timestamp("2026-07-10T21:12:30Z")
    with pytest.raises(ReaderError, match="Pass asof="):
        read_chain(folder / "mimir_cboe_options.json")
    chain = read_chain(folder / "mimir_cboe_options.json", asof="2026-07-01T16:00:00-04:00")
    assert (chain.symbol, len(chain)) == ("IBIT", 10)
    with pytest.raises(ReaderError, match="holds 4 futures"):
        read_chain(folder / "mimir_deribit_futures.json")
    for name in ("cryptofeed_DERIBIT.ws.1.0.txt", "cryptofeed_DERIBIT_instruments.0.txt"):
        with pytest.raises(ReaderError, match="not recognised"):
            read_chain(folder / name)


def test_other_tables_of_deribit_are_refused(shared: Path) -> None:
    folder = shared / "data"
    with pytest.raises(ReaderError, match="holds 838 futures"):
        read_chain(folder / "deribit" / "perpetual_futures_prices.csv")
    with pytest.raises(ReaderError, match="not recognised"):
        read_chain(folder / "deribit" / "term_futures_marks.csv")
    with pytest.raises(ReaderError, match=r"24562 rows on 732 contracts at 37 timestamps .*chain_from_frame"):
        read_chain(folder / "deribit_greeks" / "full_data_sample.csv")
    with pytest.raises(ReaderError, match=r"spot: there is no column .*chain_from_frame"):
        read_chain(folder / "deribit_greeks" / "sample.csv")


def test_one_hour_of_many_through_a_frame(shared: Path) -> None:
    """The way that the refusal of a table with many moments names."""
    folder = shared / "data" / "deribit_greeks"
    table = pd.read_csv(folder / "full_data_sample.csv")
    table = table[table["date"] == "2026-01-23T01:00:00.000000"].assign(iv=lambda t: t["mark_iv"] / 100)
    forwards = pd.read_csv(folder / "inferred_times_forwards.csv")
    forwards = forwards[forwards["date_label"] == "2026-01-23T01:00:00.000000"]
    table["forward"] = table["expiry_date"].map(forwards.set_index("expiry_date")["inferred_forward"])
    names = {"contract": "instrument_name", "kind": "type", "expiry": "expiry_date", "vendor_delta": "delta"}
    chain = chain_from_frame(
        table,
        columns=names,
        symbol="BTC",
        spot=89725.11,
        asof="2026-01-23T01:48:00Z",
        multiplier=1,
        settlement="08:00 UTC",
    )
    assert len(chain) == len(table)
    row = list(chain["contract"]).index("BTC-13FEB26-100000-C")
    assert chain["expiry"][row] == np.datetime64("2026-02-13T08:00")
