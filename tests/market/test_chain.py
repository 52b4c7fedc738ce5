import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.calendars import years_to_expiry
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain

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
    elsewhere = ASOF.tz_convert("Asia/Tokyo").as_unit("s")
    np.testing.assert_array_equal(years_to_expiry(expiry, elsewhere), years_to_expiry(expiry, ASOF))


def test_years_do_not_depend_on_the_time_zone_asof_is_written_in():
    other = Chain(chain().columns | {"expiry": chain().to_frame()["expiry"]}, "X", 100.0,
                  ASOF.tz_convert("America/New_York"))  # fmt: skip
    np.testing.assert_array_equal(other.years, chain().years)
    assert other.asof == ASOF


def test_a_row_without_a_forward_has_spot_grown_at_its_carry_and_spot_once_expired():
    forward = [np.nan, 101.5] + [np.nan] * 6
    made = chain(forward=forward, rate=[0.05] * 8, dividend_yield=[0.02] * 8)
    # 100 exp(0.03 t) with t = 2,067,793 s of a year of 31,536,000 s, to 40 digits.
    grown = 100.196901454512076474
    np.testing.assert_allclose(made.forward_prices, [100.0, 101.5] + [grown] * 6, rtol=1e-15)


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
    assert (quality.row_count, quality.usable) == (8, 3)
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
    assert "7 rows of the file excluded: other underlying (ETH)" in repr(made)


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


def test_optional_times_are_missing_where_nobody_gives_them():
    made = chain()
    assert np.isnat(made["quote_time"]).all()
    assert np.isnat(made["open_interest_date"]).all()
    assert np.isnan(made.quote_age).all()
    assert np.isnan(made.open_interest_age).all()
    assert (dict(made.quality.quote_age), dict(made.quality.open_interest_age)) == ({}, {})
    assert "before asof" not in str(made.quality)
    with_nothing = chain(quote_time=[None] * 8, open_interest_date=[np.nan] * 8)
    assert np.isnat(with_nothing["quote_time"]).all()
    assert with_nothing["open_interest_date"].dtype == np.dtype("datetime64[ns]")


def test_optional_times_need_a_time_zone():
    with pytest.raises(SchemaError, match=r"quote_time: received .* without a time zone"):
        chain(quote_time=["2026-02-05"] * 8)
    legal = gf.schema.glossary().loc[("chain", "quote_time"), "legal"]
    assert legal == "a timestamp in UTC, or missing"


def test_quote_age_is_weighted_by_open_interest():
    minutes = np.array([500.0, 1, 2, 3, 20, 4, 30, np.nan])
    times = pd.DatetimeIndex(ASOF - pd.to_timedelta(minutes, unit="min"))
    made = chain(quote_time=times, open_interest=[10, 20, 30, 40, 5, np.nan, 0, 5])
    np.testing.assert_allclose(made.quote_age, minutes, rtol=1e-12)
    quality = made.quality
    assert quality.quote_age == pytest.approx(
        {"known": 0.95, "median": 2.0, "95 %": 20.0, "stale rows": 2, "rows after asof": 0}, rel=1e-12
    )
    assert quality.to_dict()["quote_age_minutes"]["median"] == pytest.approx(2.0)
    assert (
        "quotes 2.0 min before asof (median by open interest; 95 % within 20.0), known for 95.0% of it; "
        "2 rows older than 15 min\n"
    ) in str(quality)


def test_quotes_after_asof_are_shown():
    times = pd.DatetimeIndex([ASOF + pd.Timedelta(minutes=m) for m in (9, 0.5, 2, 3, -1, -1, -1, -1)])
    quality = chain(quote_time=times).quality
    assert quality.quote_age["rows after asof"] == 2
    assert "LOOK-AHEAD: 2 rows quoted after asof" in str(quality)


def test_quote_age_without_open_interest_counts_rows_alike():
    made = chain(open_interest=[0.0] * 8).with_columns(quote_time=ASOF - pd.Timedelta(minutes=5))
    quality = made.quality
    assert quality.quote_age["known"] == 1.0
    assert quality.quote_age["95 %"] == pytest.approx(5.0)
    only_zero = chain(quote_time=pd.DatetimeIndex([pd.NaT] * 6 + [ASOF, pd.NaT])).quality
    assert only_zero.to_dict()["quote_age_minutes"]["median"] is None


def test_open_interest_of_later_days_cannot_be_used():
    days = pd.to_datetime(
        ["2026-02-06"] * 2 + ["2026-02-06", "2026-02-04", "2026-02-05"] + ["2026-02-03"] * 3, utc=True
    )
    made = chain(open_interest_date=days, iv=[0.5] * 8)
    assert made.open_interest_age.tolist() == [-1, -1, -1, 1, 0, 2, 2, 2]
    assert made.unusable.tolist()[:5] == ["expired", *["open interest dated after asof"] * 2, "", ""]
    quality = made.quality
    assert quality.open_interest_age == pytest.approx(
        {"known": 1.0, "median": 0.0, "oldest": 2.0, "rows of the same day": 0, "rows after asof": 2}
    )
    assert quality.checks["open interest known"] == pytest.approx(4 / 7)
    assert quality.table["rows"]["open interest dated after asof"] == 2
    assert (
        "open interest counted 0 days before asof (median; oldest 2), known for 100.0% of it; "
        "LOOK-AHEAD: 2 rows dated after asof"
    ) in str(quality)
    assert quality.to_dict()["open_interest_age_days"]["rows after asof"] == 2
    assert not set(gf.assign_positions(made)["contract"]) & {"b", "c"}


def test_the_day_of_us_options_is_new_yorks():
    evening = pd.Timestamp("2026-02-06T01:00Z")
    columns = dict(chain().columns)
    days = pd.to_datetime(["2026-02-05"] * 8, utc=True)
    labels = ["PM", "AM", "08:00 UTC", "PM", "PM", "PM", "PM", "PM"]
    made = Chain(columns | {"open_interest_date": days, "settlement": labels}, "X", 100.0, evening)
    assert made.open_interest_age.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert made.quality.open_interest_age["rows of the same day"] == 6
    assert "6 rows of asof's own day, though exchanges count after the close" in str(made.quality)


def test_frames_of_chains_carry_their_times():
    made = chain().with_columns(quote_time=ASOF, open_interest_date=pd.Timestamp("2026-02-04", tz="UTC"))
    frame = made.to_frame()
    assert str(frame["quote_time"].dtype) == str(frame["open_interest_date"].dtype) == "datetime64[ns, UTC]"
    assert Chain(frame, "X", 100.0, ASOF).open_interest_age.tolist() == [1.0] * 8


def test_absurd_sizes_are_refused_and_the_largest_do_not_overflow():
    with pytest.raises(SchemaError, match="open_interest: 8 of 8 rows are larger than 1e\\+30") as error:
        chain(open_interest=[1e308] * 8, bid=[1e308] * 8, ask=[1.1e308] * 8)
    assert "ask: 8 of 8 rows are larger" in str(error.value)
    quality = chain(open_interest=[1e30] * 8, bid=[1e29] * 8, ask=[1e30] * 8).quality
    assert quality.open_interest == pytest.approx(8e30)
    assert quality.quotes == {"two-sided": 7}
