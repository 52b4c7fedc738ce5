"""Presets on an index, whose two roots settle at different times."""

import json

import pandas as pd
import pytest

from gammaflow.errors import ReaderError
from gammaflow.market.readers import read_chain
from support import preset_samples as samples


class TestIndexes:
    """Two roots of one index, day and strike: only the vendor's root or flag tells when they settle."""

    @pytest.mark.parametrize("name", ["schwab", "polygon", "tradier", "ibkr", "thetadata", "optionmetrics"])
    def test_roots_settle_in_the_morning_or_at_the_close(self, name):
        found = samples.index_options()
        make = getattr(samples, name)
        given = make(found, 6_900.0) if name in ("schwab", "polygon", "ibkr", "thetadata") else make(found)
        if name == "thetadata":
            given = [row | {"open_interest": o.open_interest} for row, o in zip(given, found, strict=False)]
        if name in ("ibkr", "thetadata", "optionmetrics"):
            given = pd.DataFrame(given)
        facts = {} if name not in ("tradier", "optionmetrics") else {"spot": 6_900.0}
        facts |= {"asof": samples.ASOF} if name == "optionmetrics" else {}
        chain = read_chain(given, columns=name, **facts)
        assert (chain.symbol, chain.spot, set(chain["exercise"])) == ("SPX", 6_900.0, {"european"})
        rows = chain.to_frame()
        assert rows.groupby("root")["settlement"].agg(set).to_dict() == {"SPX": {"AM"}, "SPXW": {"PM"}}
        hours = rows.groupby("root")["expiry"].agg(lambda times: {f"{t:%H:%M}" for t in times})
        assert hours.to_dict() == {"SPX": {"14:30"}, "SPXW": {"21:00"}}
        interest = {(o.root, o.strike, o.kind): float(o.open_interest) for o in found}
        told = rows.set_index(["root", "strike", "kind"])["open_interest"].to_dict()
        assert told == interest

    def test_an_index_without_roots_is_not_guessed(self):
        rows = [
            row | {"ticker": "SPX"}
            for row in json.loads((samples.FOLDER / "orats.json").read_text(encoding="utf-8"))["data"]
        ]
        with pytest.raises(
            ReaderError, match=r"settlement: the table names the index SPX .*roots \(SPX, SPXW\)"
        ):
            read_chain({"data": rows}, columns="orats")
        chain = read_chain({"data": rows}, columns={"preset": "orats", "settlement": "PM"})
        assert (chain.symbol, set(chain["settlement"]), chain["expiry"][0].astype(str)[11:16]) == (
            "SPX", {"PM"}, "21:00",
        )  # fmt: skip
