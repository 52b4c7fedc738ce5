"""A made-up record of the event: two weeks of the fund, three days of everything else."""

import numpy as np
import pandas as pd

from gammaflow.studies.event.claims import CLAIMS
from gammaflow.studies.event.records import FILES, Records

BEFORE, DAY, AFTER = (pd.Timestamp(day) for day in ("2026-02-04", "2026-02-05", "2026-02-06"))
HOURS = pd.date_range("2026-02-04", "2026-02-07 23:00", freq="h")


def bars():
    """Prices of the fund on the sessions before and after the fall."""
    days = pd.bdate_range("2026-01-26", "2026-02-09")
    close = pd.Series(np.linspace(47.0, 44.0, len(days)), days)
    close[[BEFORE, DAY, AFTER]] = [41.57, 36.10, 39.68]
    table = pd.DataFrame(
        {"Open": close, "High": close + 1, "Low": close - 0.8, "Close": close, "Volume": 1e8}
    )
    table.loc[DAY, "Volume"] = 284.4e6
    return table.rename_axis("Date")


def files():
    """A record for most claims, by file."""
    flows = pd.DataFrame({"IBIT": -100.0, "total_musd": -150.0}, bars().index).rename_axis("date")
    flows.loc[DAY] = [-175.3, -434.1]
    flows.loc[AFTER] = [231.6, 371.1]
    hours = pd.DataFrame({"open": 70_000.0, "high": 70_100.0, "low": 69_900.0, "close": 70_000.0}, HOURS)
    hours.loc[HOURS >= AFTER, ["open", "close"]] = 63_000.0
    hours.loc[AFTER, "low"] = 60_000.0
    days = pd.DatetimeIndex([BEFORE, DAY, AFTER])
    bars_4h, utc, seconds = HOURS[::4], HOURS.tz_localize("UTC"), days.as_unit("s").astype(np.int64)
    weeks = pd.DatetimeIndex(["2026-02-03", "2026-02-10"])
    sides = ["commercial_long", "commercial_short", "noncommercial_long", "noncommercial_short"]
    reports = pd.DataFrame(np.array([[500, 1400, 18_000, 17_000], [700, 1800, 17_000, 16_000]]), weeks, sides)
    return {
        "IBIT": bars(),
        "flows": flows,
        "hours": hours.rename_axis("timestamp"),
        "front future": pd.DataFrame({"Adj Close": [70_300.0, 63_200.0]}, days[:2]).rename_axis("Date"),
        "commitments": reports.assign(open_interest=[23_000, 24_000]).rename_axis("date"),
        "open interest": pd.DataFrame({"close": [49e9, 47e9, 48e9]}, days).rename_axis("timestamp"),
        "liquidations": pd.DataFrame({"long_usd": 3e7, "short_usd": 1e7}, bars_4h).rename_axis("timestamp"),
        "margin": pd.DataFrame({"longs_btc": 76_000.0, "shorts_btc": 200.0}, utc).rename_axis("time"),
        "DVOL": pd.DataFrame({"time": seconds, "close": [53.0, 82.0, 60.0]}).set_index("time"),
    }  # fmt: skip


def write(folder, tables):
    for name, table in tables.items():
        path = folder / FILES[name].path
        path.parent.mkdir(exist_ok=True)
        table.to_csv(path)
    return folder


def verdict(folder, key, **tables):
    """Verdict and claim of one key, in a folder where some files differ."""
    write(folder, {name.replace("_", " "): table for name, table in tables.items()})
    find = next(claim for claim in CLAIMS if claim.__name__ == key)
    return find(Records(folder))
