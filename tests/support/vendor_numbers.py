"""Numbers of made-up vendors, with differences planted in them."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.studies.conventions import Calculator
from support.conventions import naive_rows


def days(chain, first):
    """Whole days from `first` to each expiry's day at its venue."""
    zone = "America/New_York" if chain["settlement"][0] in ("AM", "PM") else "UTC"
    local = pd.DatetimeIndex(chain["expiry"], tz="UTC").tz_convert(zone).tz_localize(None).normalize()
    return local.to_numpy().astype("datetime64[D]"), np.datetime64(first)


# Each case: the chain's file, options of the reader, the day of asof at the venue, and one planted value of
# each of the six kinds of choice.
CASES = {
    "demo": (None, "2026-02-05", {
        "unit": "per_point", "rule": "short_all", "day_count": "business_252", "window": 7.0,
        "min_open_interest": 500.0, "iv": "mid"}),
    "SPX": ("cboe/spx_20230914_carlosjimenezdiaz.csv", "2023-09-14", {
        "unit": "shares_per_point", "rule": "mirror", "day_count": "business_262", "window": 7.0,
        "moneyness": (0.95, 1.05), "iv": "vendor_gamma"}),
    "BTC": ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "2026-02-05", {
        "unit": "per_100pct", "rule": "unsigned", "day_count": "midnight", "window": "without_next",
        "otm_only": True, "iv": "repaired"}),
    "IBIT": ("yahoo_cboe_json/IBIT_20260714T2010ET.json", "2026-07-14", {
        "unit": "shares", "rule": "short_all", "day_count": "whole_days", "window": "next",
        "moneyness": (0.9, 1.1), "iv": "vendor_gamma"}),
}  # fmt: skip


@lru_cache
def calculator(case, folder):
    """Valuations of a chain; of SPX and IBIT the expiries and strikes nearby, to save time."""
    name = CASES[case][0]
    if name is None:
        return Calculator(gf.demo_chain())
    symbol = {"symbol": "BTC"} if case == "BTC" else {}
    chain = gf.read_chain(folder / "data" / name, **symbol)
    wide, longest = {"SPX": (0.07, 20), "BTC": (np.inf, np.inf), "IBIT": (0.25, 70)}[case]
    near = np.abs(np.log(chain["strike"] / chain.spot)) < wide
    return Calculator(chain.select(near & (chain.years * 365 < longest)))


@lru_cache
def repaired_vols(chain, prefer):
    return gf.repair_chain(chain, prefer=prefer)["iv"]


def vendor(case, calc, planted):
    """Total gamma of a tool with the planted choices, and by strike: sums of greeks, written out."""
    chain, first = calc.chain, CASES[case][1]
    expiry, today = days(chain, first)
    ahead = (expiry - today).astype(int)
    alive = ahead >= 0
    counted = {
        "business_252": np.maximum(np.busday_count(today, expiry), 1) / 252,
        "business_262": np.maximum(np.busday_count(today, expiry), 1) / 262,
        "whole_days": np.maximum(ahead, 1) / 365,
        "midnight": (expiry - chain.asof.tz_localize(None).to_datetime64())
        / np.timedelta64(86400, "s")
        / 365,
    }
    years = np.where(alive, counted[planted["day_count"]], -1.0) if "day_count" in planted else None
    signs = {"short_all": (-1, -1), "mirror": (-1, 1), "unsigned": (1, 1)}.get(planted.get("rule"), (1, -1))
    how = {"iv": None, "vendor": planted.get("iv") == "vendor_gamma"}
    if planted.get("iv") in ("mid", "repaired"):
        prefer = "mid" if planted["iv"] == "mid" else "vendor"
        how["iv"] = repaired_vols(chain, prefer)
    rows = naive_rows(chain, signs=signs, years=years, **how)
    window = planted.get("window", "all")
    if window == "next":
        rows = rows * (expiry == expiry[chain.years > 0].min())
    elif window == "without_next":
        rows = rows * (expiry > expiry[chain.years > 0].min())
    elif window != "all":
        rows = rows * (chain.years * 365 <= window)
    ratio = chain["strike"] / chain.spot
    low, high = planted.get("moneyness", (0, np.inf))
    rows = rows * ((ratio >= low) & (ratio <= high))
    rows = rows * (chain["open_interest"] >= planted.get("min_open_interest", 0.0))
    if planted.get("otm_only"):
        rows = rows * np.where(chain["kind"] == "call", ratio >= 1, ratio <= 1)
    S, unit = chain.spot, planted.get("unit", "per_1pct")
    factors = {"per_point": 100 / S, "per_100pct": 100, "shares": 1 / S, "shares_per_point": 100 / S**2}
    return rows * factors.get(unit, 1.0)


def words(planted):
    """Planted values as `explanations` words them."""
    convention = replace(gf.Convention(), **planted)
    return {name: convention.words(name) for name in planted}
