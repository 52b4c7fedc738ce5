import sys
import time
import types
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.feeds import Answer, Answers, Feed, Limits, fetch_chain, replay
from support.feed_faults import FAST
from support.feed_server import same


def table(side, strikes):
    letter = {"call": "C", "put": "P"}[side]
    return pd.DataFrame(
        {
            "contractSymbol": [f"IBIT260320{letter}{round(1000 * k):08d}" for k in strikes],
            "lastTradeDate": pd.to_datetime(["2026-02-05T20:59:00Z"] * len(strikes)),
            "strike": strikes, "lastPrice": 1.5, "bid": 1.4, "ask": 1.6, "change": 0.0,
            "volume": [np.nan, *[12.0] * (len(strikes) - 1)], "openInterest": range(10, 10 + len(strikes)),
            "impliedVolatility": [0.55, *[0.6] * (len(strikes) - 1)], "inTheMoney": True,
        }
    )  # fmt: skip


class Ticker:
    underlying = MappingProxyType({"regularMarketPrice": 36.1, "regularMarketTime": 1_770_325_200})
    options = ("2026-03-20",)
    calls = table("call", [30.0, 36.5])
    puts = table("put", [30.0, 36.5])

    def __init__(self, symbol):
        self.symbol = symbol

    def option_chain(self, day):
        return types.SimpleNamespace(calls=self.calls, puts=self.puts, underlying=self.underlying)


class TestYahoo:
    @pytest.fixture
    def use(self, monkeypatch):
        def install(**changes):
            module = types.ModuleType("yfinance")
            module.Ticker = type("Ticker", (Ticker,), changes)
            monkeypatch.setitem(sys.modules, "yfinance", module)

        return install

    def test_its_tables_become_a_chain(self, use, tmp_path):
        use()
        chain = fetch_chain("yahoo", "ibit", limits=FAST, save=tmp_path)
        assert (chain.symbol, chain.spot, chain.file_format) == ("IBIT", 36.1, "yahoo_json")
        assert chain.asof == pd.Timestamp("2026-02-05T21:00Z")
        assert chain["strike"].tolist() == [30.0, 36.5, 30.0, 36.5]
        assert chain["kind"].tolist() == ["call", "call", "put", "put"]
        assert chain["iv"].tolist() == [0.55, 0.6, 0.55, 0.6]
        assert chain["open_interest"].tolist() == [10, 11, 10, 11]
        assert np.isnan(chain["volume"][0])
        (folder,) = tmp_path.iterdir()
        assert same(replay(folder), chain)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"options": ()}, "no options are listed"),
            ({"underlying": {"regularMarketPrice": 36.1}}, "lacks regularMarketTime of the underlying"),
            (
                {"calls": Ticker.calls.drop(columns="impliedVolatility")},
                "table lacks impliedVolatility; it has contractSymbol",
            ),
            ({"option_chain": lambda self, day: 1 // 0}, "yfinance failed (ZeroDivisionError"),
            ({"option_chain": lambda self, day: time.sleep(3)}, "no full response within the 0.2 s"),
        ],
    )
    def test_its_faults_are_errors_of_the_feed(self, use, changes, words):
        use(**changes)
        with pytest.raises(FeedError) as error:
            fetch_chain("yahoo", "IBIT", limits=Limits(total=0.2, interval=0.0))
        assert str(error.value).startswith("yahoo: IBIT: ")
        assert words in str(error.value)

    def test_answers_of_another_form_are_refused(self):
        parts = {"option_chain": Answer("yfinance:IBIT", 200, datetime.now(UTC), b'{"a": 1}')}
        with pytest.raises(FeedError, match="it has neither quotes nor the underlying's price"):
            Answers("yahoo", "IBIT", parts).chain()

    def test_without_yfinance_the_remedy_is_said(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "yfinance", None)
        with pytest.raises(FeedError, match="needs yfinance, which is not installed: pip install 'yfinance'"):
            fetch_chain("yahoo", "IBIT")

    def test_it_has_no_address_to_choose(self, use):
        use()
        with pytest.raises(SchemaError, match="yahoo has no address to choose"):
            Feed("yahoo", "IBIT", "http://127.0.0.1:1")
        with pytest.raises(SchemaError, match="legal: Yahoo's"):
            Feed("yahoo", "I BIT")
