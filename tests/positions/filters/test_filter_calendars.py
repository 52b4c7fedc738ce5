"""Calendar filters against expiries by hand from the exchanges' calendars."""

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.positions.filters.row_values import VALUES
from support.expiry_chains import made

F = gf.filters


def listed(text):
    return text.split()


# Expiries of 2025 and 2026, by hand from the exchanges' calendars.
US_MONTHLY = listed("""
    2025-01-17 2025-02-21 2025-03-21 2025-04-17 2025-05-16 2025-06-20 2025-07-18 2025-08-15 2025-09-19
    2025-10-17 2025-11-21 2025-12-19 2026-01-16 2026-02-20 2026-03-20 2026-04-17 2026-05-15 2026-06-18
    2026-07-17 2026-08-21 2026-09-18 2026-10-16 2026-11-20 2026-12-18""")


US_QUARTERLY = listed("""
    2025-03-31 2025-06-30 2025-09-30 2025-12-31 2026-03-31 2026-06-30 2026-09-30 2026-12-31""")


#: Thursdays before Fridays on which New York is closed.
US_WEEKLY_THURSDAYS = ["2025-07-03", "2026-04-02", "2026-07-02", "2026-12-24"]


VIX_MONTHLY = listed("""
    2025-01-22 2025-02-19 2025-03-18 2025-04-16 2025-05-21 2025-06-18 2025-07-16 2025-08-20 2025-09-17
    2025-10-22 2025-11-19 2025-12-17 2026-01-21 2026-02-18 2026-03-18 2026-04-15 2026-05-19 2026-06-17
    2026-07-22 2026-08-19 2026-09-16 2026-10-21 2026-11-18 2026-12-16""")


COIN_MONTHLY = listed("""
    2025-01-31 2025-02-28 2025-03-28 2025-04-25 2025-05-30 2025-06-27 2025-07-25 2025-08-29 2025-09-26
    2025-10-31 2025-11-28 2025-12-26 2026-01-30 2026-02-27 2026-03-27 2026-04-24 2026-05-29 2026-06-26
    2026-07-31 2026-08-28 2026-09-25 2026-10-30 2026-11-27 2026-12-25""")


COIN_QUARTERLY = [day for day in COIN_MONTHLY if day[5:7] in ("03", "06", "09", "12")]
EVERY_DAY = [str(day.date()) for day in pd.date_range("2025-01-02", "2026-12-31")]
FRIDAYS = [day for day in EVERY_DAY if datetime.date.fromisoformat(day).weekday() == 4]
CLOSED_FRIDAYS = ["2025-04-18", "2025-07-04", "2026-04-03", "2026-06-19", "2026-07-03", "2026-12-25"]


def chosen(chain, wanted):
    return [EVERY_DAY[i] for i in np.flatnonzero(wanted.mask(chain))]


@pytest.mark.parametrize("settlement", ["AM", "PM"])
def test_us_calendar(settlement):
    chain = made(EVERY_DAY, settlement=settlement)
    assert chosen(chain, F.monthly()) == US_MONTHLY
    assert chosen(chain, F.quarterly()) == US_QUARTERLY
    weekly = set(FRIDAYS) - set(CLOSED_FRIDAYS) | set(US_WEEKLY_THURSDAYS)
    assert chosen(chain, F.weekly()) == sorted(weekly - set(US_MONTHLY) - set(US_QUARTERLY))
    every = F.daily() | F.weekly() | F.monthly() | F.quarterly()
    assert every.mask(chain).all()
    for one, other in ((F.daily(), F.weekly()), (F.weekly(), F.monthly()), (F.monthly(), F.quarterly())):
        assert not (one & other).mask(chain).any()
    assert {"2025-04-16", "2025-06-19", "2025-11-28"} & set(chosen(chain, F.daily())) == {
        "2025-04-16",
        "2025-06-19",
    }


def test_quarters_that_end_on_or_after_a_closed_day():
    days = ["2022-09-30", "2023-06-30", "2023-12-29", "2024-03-28", "2024-03-29", "2024-06-28"]
    chain = made(days, asof="2022-01-03T12:00Z")
    assert F.quarterly().mask(chain).tolist() == [True, True, True, True, False, True]
    assert not F.weekly().mask(chain).any()


def test_vix_expires_on_wednesdays():
    chain = made(EVERY_DAY, settlement="AM", symbol="VIX", forward=100.0)
    assert chosen(chain, F.monthly()) == VIX_MONTHLY
    assert not F.quarterly().mask(chain).any()
    weekly = chosen(chain, F.weekly())
    assert {"2025-01-08", "2025-03-19", "2025-04-23", "2026-12-30"} & set(weekly) == {
        "2025-01-08",
        "2025-03-19",
        "2025-04-23",
        "2026-12-30",
    }
    assert not {"2025-01-22", "2025-03-18", "2025-01-09"} & set(weekly)


def test_deribit_calendar():
    chain = made(EVERY_DAY, settlement="08:00 UTC", symbol="BTC")
    assert chosen(chain, F.monthly()) == COIN_MONTHLY
    assert chosen(chain, F.quarterly()) == COIN_QUARTERLY
    assert chosen(chain, F.weekly()) == sorted(set(FRIDAYS) - set(COIN_MONTHLY))
    assert chosen(chain, F.daily()) == [day for day in EVERY_DAY if day not in FRIDAYS]
    assert "2025-04-18" in chosen(chain, F.weekly())


def test_expiries_of_no_known_calendar_are_unknown():
    chain = made(["2025-03-21", "2025-03-22"], settlement="17:30 Europe/Berlin")
    noon = made(["2025-03-21", "2025-03-22"], settlement="12:00 UTC")
    assert F.monthly().truth(chain).tolist() == [1, -1]  # 12:30 in New York
    assert F.monthly().truth(noon).tolist() == (~F.monthly()).truth(noon).tolist() == [0, 0]
    with pytest.raises(
        gf.SchemaError, match=r"none of the chain's 2 rows .* Of 2 rows a value .* is missing"
    ):
        noon.select(F.monthly())


def test_periods():
    days = ["2026-02-05", "2026-02-06", "2026-02-07", "2026-02-13", "2026-02-27", "2026-03-06"]
    chain = made(days, settlement="08:00 UTC", symbol="BTC", asof="2026-02-05T07:00Z")
    later = replace(chain, asof="2026-02-06T08:00:00Z")
    cases = {
        (chain, "next"): days[:1],
        (chain, "week"): days[:2],
        (chain, "month"): days[:5],
        (later, "next"): days[2:3],
        (later, "week"): days[2:4],
        (later, "month"): days[2:5],
    }
    for (table, period), wanted in cases.items():
        found = table.select(F.expiry(period))
        assert [str(e)[:10] for e in found["expiry"]] == wanted, period
    both = chain.select(F.expiry(["2026-02-07", "next", datetime.date(2026, 3, 6)]))
    assert [str(e)[:10] for e in both["expiry"]] == [days[0], days[2], days[5]]
    exact = chain.select(F.expiry(pd.Timestamp("2026-02-07T09:00+01:00")))
    assert [str(e)[:10] for e in exact["expiry"]] == [days[2]]
    for same in (np.datetime64("2026-02-07"), datetime.datetime(2026, 2, 7), pd.Timestamp("2026-02-07")):
        assert F.expiry(same).text == "expiry 2026-02-07"
    assert F.expiry("monthly").mask(chain).tolist() == F.monthly().mask(chain).tolist()
    expired = replace(chain, asof="2026-03-06T08:00:00Z")
    assert not F.expiry("next").mask(expired).any()


def test_days_are_the_markets_own():
    # 21:00 UTC of 5 February is 16:00 there; 01:00 UTC of the 6th is still the 5th in New York.
    chain = made(["2026-02-05", "2026-02-06", "2026-02-07"], asof="2026-02-06T01:00Z")
    assert VALUES["dte"](chain).tolist() == [-1.0, 1.0, 2.0]
    coin = made(["2026-02-05", "2026-02-06", "2026-02-07"], settlement="08:00 UTC", asof="2026-02-06T01:00Z")
    assert VALUES["dte"](coin).tolist() == [-1.0, 0.0, 1.0]
    assert F.dte(0, 0).mask(coin).tolist() == [False, True, False]
