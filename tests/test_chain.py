import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.chain import Chain, years_to_expiry
from gammaflow.errors import SchemaError

ASOF = pd.Timestamp("2026-02-05T09:36:47Z")


def chain(**changes):
    columns = {
        "contract": list("abcdefgh"),
        "expiry": pd.DatetimeIndex(["2026-02-05T08:00Z"] + ["2026-03-01T08:00Z"] * 7),
        "strike": [90.0, 95, 100, 105, 110, 115, 120, 22.5],
        "kind": ["call", "put"] * 4,
        "open_interest": [10, 20, 30, 40, 50, np.nan, 0, 5],
        "multiplier": [100.0] * 8,
        "iv": [0.5, np.nan, 0.0, 1e-5, 0.5, 0.5, 0.5, 0.5],
    }
    return Chain(columns | changes, "X", 100.0, ASOF)


def test_years_are_exact_seconds_over_365_days():
    expiry = np.array(["2026-02-05T09:36:48", "2027-02-05T09:36:47"], "datetime64[ns]")
    np.testing.assert_array_equal(years_to_expiry(expiry, ASOF), [1 / (365 * 86_400), 1.0])


def test_years_do_not_depend_on_the_time_zone_asof_is_written_in():
    other = Chain(chain().columns | {"expiry": chain().to_frame()["expiry"]}, "X", 100.0,
                  ASOF.tz_convert("America/New_York"))  # fmt: skip
    np.testing.assert_array_equal(other.years, chain().years)
    assert other.asof == ASOF


def test_quality_counts_every_row_once():
    quality = chain().quality
    assert quality.table["rows"].to_dict() == {
        "expired": 1,
        "implied volatility missing": 1,
        "implied volatility zero": 1,
        "implied volatility a placeholder (<= 0.1%)": 1,
        "open interest missing": 1,
        "open interest zero": 1,
    }
    assert quality.table["open_interest"].to_dict() == {
        "expired": 10,
        "implied volatility missing": 20,
        "implied volatility zero": 30,
        "implied volatility a placeholder (<= 0.1%)": 40,
        "open interest missing": 0,
        "open interest zero": 0,
    }
    assert (quality.rows, quality.usable) == (8, 3)
    assert quality.open_interest == 155
    assert quality.usable_share == pytest.approx(55 / 155, rel=1e-15)
    assert "3 of 8 rows usable (35.5% of open interest)" in str(quality)
    assert quality.to_dict()["unusable_rows"]["expired"] == 1


def test_quality_without_open_interest():
    quality = chain(open_interest=[0.0] * 8).quality
    assert np.isnan(quality.usable_share)
    assert quality.to_dict()["usable_share_of_open_interest"] is None
    assert "no open interest" in str(quality)


def test_left_out_rows_are_shown():
    source = chain()
    made = Chain(source.to_frame(), "X", 100.0, ASOF, left_out={"other underlying (ETH)": 7, "never": 0})
    assert dict(made.left_out) == {"other underlying (ETH)": 7}
    assert "7 rows of the file left out: other underlying (ETH)" in repr(made)


def test_round_trip_through_a_frame_keeps_every_column():
    again = Chain(chain().to_frame(), "X", 100.0, ASOF)
    for name, values in chain().columns.items():
        np.testing.assert_array_equal(again[name], values)


def test_columns_are_read_only_and_named():
    source = chain()
    with pytest.raises(ValueError, match="read-only"):
        source["strike"][0] = 1
    with pytest.raises(SchemaError, match="'stirke' is not a column of a chain; legal: contract"):
        source["stirke"]


def test_with_columns_fills_scalars():
    changed = chain().with_columns(rate=0.04, iv=np.full(8, 0.7))
    assert changed["rate"].tolist() == [0.04] * 8
    assert changed["iv"].tolist() == [0.7] * 8
    assert chain()["rate"].tolist() == [0.0] * 8


@pytest.mark.parametrize("spot", [0.0, -1.0, np.nan, "x", None])
def test_spot_must_be_positive(spot):
    with pytest.raises(SchemaError, match="spot: received"):
        Chain(chain().to_frame(), "X", spot, ASOF)


def test_asof_needs_a_time_zone():
    with pytest.raises(SchemaError, match="asof: received"):
        Chain(chain().to_frame(), "X", 100.0, pd.Timestamp("2026-02-05"))


def test_spot_moment_and_columns_are_refused_together():
    with pytest.raises(SchemaError, match="chain not accepted") as error:
        Chain(chain().to_frame().assign(strike=-1.0), "X", -2.0, pd.Timestamp("2026-02-05"))
    for words in ("spot: received -2.0", "asof: received", "strike: 8 of 8 rows are <= 0"):
        assert words in str(error.value)


def test_an_empty_chain_is_refused():
    with pytest.raises(SchemaError, match="X has no rows"):
        Chain(chain().to_frame().iloc[:0], "X", 100.0, ASOF)


def test_repr_says_what_when_and_how_much():
    text = repr(gf.demo_chain())
    assert "Chain BTC from synthetic demo, as of 2026-02-05 09:36:00 UTC, spot 71,470.00 USD" in text
    assert "7 expiries (2026-02-06 .. 2026-06-26)" in text
