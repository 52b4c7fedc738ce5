"""Claims about options: implied volatility, dealers' gamma and vanna, and option volume."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan

import numpy as np
import pandas as pd

from gammaflow.evidence import activity
from gammaflow.exposure.bands import sign_bands
from gammaflow.exposure.profile import sweep_spot
from gammaflow.feedback.cascade.hedge_path import hedge_path
from gammaflow.market.chain import Chain
from gammaflow.market.readers import read_chain
from gammaflow.positions import venues
from gammaflow.positions.rules import assign_positions
from gammaflow.studies.event.claim import (
    ABOVE_0,
    ABOVE_1,
    BELOW_0,
    Finding,
    Range,
    about,
    claims_of,
    exactly,
    span,
)
from gammaflow.studies.event.records import BEFORE, DAY, AbsentError, Records, on
from gammaflow.studies.event.spots import midnight

__all__ = ["CLAIMS"]

_claim = claims_of("options and volatility")
#: The zone of the article, and rules by which dealers' side is assumed there.
_ZONE = np.linspace(64_000.0, 71_000.0, 8)
#: Beta of volatility to spot that the press figures of another index give.
_PRESS = -3.0
_RULES = ("calls_long_puts_short", "crypto_puts_bought", "mirror")


@_claim(
    "Implied volatility jumped on 5 February",
    "change of Deribit's index of 30 days [vol points]",
    "a jump",
    ABOVE_0,
    "{:+.2f}",
)
def vol_rose(records: Records) -> Finding:
    """The change of implied volatility on the day."""
    index = records.volatility_index()
    before, after = (float(on(index, day, "DVOL")) for day in (BEFORE, DAY))
    try:
        calls = records.one_call()["implied_volatility"]
        one, two = (100.0 * float(on(calls, day, "one call")) for day in (BEFORE, DAY))
        note = f"IBIT's 85 call of December 2027: {one:.1f} to {two:.1f}."
    except AbsentError:
        note = ""
    return Finding(
        exactly(after - before), f"{records.source('DVOL')}: {before:.2f} to {after:.2f}", "", note
    )


@_claim(
    "Implied volatility went to near 90",
    "highest of 5 February, 30 days [vol points]",
    "near 90",
    about(90.0, 3.0),
    "{:.1f}",
)
def near_90(records: Records) -> Finding:
    """The peak of implied volatility: a close bounds it from below."""
    close = float(on(records.volatility_index(), DAY, "DVOL"))
    return Finding(
        Range(close, inf),
        f"{records.source('DVOL')}: {close:.2f}",
        f"the peak must be {90.0 - close:+.1f} points from the close",
        "The file has closes only, and a close is a lower bound of the day's peak.",
    )


@_claim(
    "Volatility rose by some 3 points per 1 % of fall", "d sigma / d ln S on 5 February, 30 days [-]",
    "-2.8 to -3 (press, another index)", Range(-3.0, -2.8), "{:.2f}",
)  # fmt: skip
def vol_beta(records: Records) -> Finding:
    """The beta of implied volatility to spot at its peak: its close bounds the rise, the low the fall."""
    beta, where = _beta(records)
    index = records.volatility_index()
    rise = (float(on(index, DAY, "DVOL")) - float(on(index, BEFORE, "DVOL"))) / 100.0
    hours = records.hours()["low"]
    days = pd.DatetimeIndex(hours.index).tz_localize(None).normalize()
    lowest = min(float(hours[days == pd.Timestamp(DAY)].min()), midnight(records, DAY))
    deepest = float(np.log(lowest / midnight(records, BEFORE)))
    note = f"From close to close, 24:00 UTC, {beta:.2f}. The press read the peak of another index."
    return Finding(
        Range(-inf, rise / deepest) if rise > 0.0 > deepest else exactly(beta),
        f"{where}; at the day's low {deepest:+.2%}",
        "runs of the event with -3 take more vanna than closes show",
        note,
    )


def _beta(records: Records) -> tuple[float, str]:
    """Change of the volatility index per log return of bitcoin on 5 February, and its source."""
    index = records.volatility_index()
    change = (float(on(index, DAY, "DVOL")) - float(on(index, BEFORE, "DVOL"))) / 100.0
    move = float(np.log(midnight(records, DAY) / midnight(records, BEFORE)))
    return (
        change / move if move else nan,
        f"{records.source('DVOL', 'hours')}: {100 * change:+.2f} points for {move:+.2%}",
    )


@_claim(
    "Dealers were short gamma from 64,000 to 71,000", "largest gamma of that range, by rule [$m per 1%]",
    "short gamma", BELOW_0, "{:+,.1f}",
)  # fmt: skip
def zone(records: Records) -> Finding:
    """Dealers' gamma in the zone under each rule, before the fall."""
    names = ("chain of 4 Feb", "chain of 5 Feb")
    chains = {name: records.chain(name) for name in names}
    found = {(n, rule): g for n, chain in chains.items() for rule, g in _largest(chain, _ZONE).items()}
    short = sign_bands(chains[names[0]], draws=2_000, spots=_ZONE).table["p_short"].mean()
    return Finding(
        span(found.values()),
        records.source(*names),
        f"{_by_rule(found[names[0], rule] for rule in _RULES)} on 4 February; with nothing known of the "
        f"sides dealers are short with probability {short:.2f}",
        "The published rules say short, their mirror long; the chain does not say who holds which side.",
    )


@_claim(
    "Dealers were short gamma in IBIT options over the same zone",
    "largest gamma of that range, by rule [$m per 1%]",
    "short gamma", BELOW_0, "{:+,.1f}",
)  # fmt: skip
def fund_zone(records: Records) -> Finding:
    """Dealers' gamma in the fund's options, which takes a chain of the week."""
    files, spots = records.fund_chains(), venues.IBIT.price(_ZONE)
    where = f"in shares the zone is {spots[0]:.2f} to {spots[-1]:.2f}"
    if not files:
        raise AbsentError("missing file: yahoo_cboe_json/IBIT_*.json of 2 to 6 February 2026", where)
    chain = read_chain(files[-1], symbol="IBIT")
    found = _largest(chain, spots)
    return Finding(
        span(found.values()),
        f"yahoo_cboe_json/{files[-1].name} (New York)",
        f"{where}; {_by_rule(found.values())}",
        "The sign is the rule's, not the chain's.",
    )


def _largest(chain: Chain, spots: np.ndarray) -> dict[str, float]:
    """Largest gamma over some spots under each rule [$m per 1 %]."""
    return {
        rule: float(sweep_spot(assign_positions(chain, rule), spots, measures=["gamma"]).table["gamma"].max())
        / 1e6
        for rule in _RULES
    }


def _by_rule(values: Iterable[float]) -> str:
    return ", ".join(f"{rule} {value:+,.1f}" for rule, value in zip(_RULES, values, strict=True))


@_claim(
    "IBIT options traded a record number of contracts on 5 February", "volume over the highest before [-]",
    "a record", ABOVE_1, "{:.2f}",
)  # fmt: skip
def option_record(records: Records) -> Finding:
    """Contracts of the fund's options against the record before."""
    table = activity.records(records.option_volume().sum(axis=1), gaps=True).table
    return Finding(exactly(float(on(table["ratio"], DAY, "option volume"))), records.source("option volume"))


@_claim("Puts dominated IBIT option volume", "puts over all contracts on 5 February [-]", "above half",
        Range(0.5, 1.0), "{:.0%}")  # fmt: skip
def put_dominated(records: Records) -> Finding:
    """Share of puts in the volume of the day."""
    volume = records.option_volume()
    table = activity.put_share(volume["calls"], volume["puts"]).table
    return Finding(exactly(float(on(table["share"], DAY, "option volume"))), records.source("option volume"))


@_claim(
    "Vanna kept dealers selling to the end of the fall",
    "dealers' hedge trades from vanna in the lower half of the fall, puts of 64,000 to 71,000 [$m]",
    "selling", BELOW_0, "{:+,.1f}",
)  # fmt: skip
def vanna(records: Records) -> Finding:
    """Vanna's part of hedging along the recorded fall, where dealers are short all puts of the zone."""
    chain, after = records.chain("chain of 4 Feb"), records.chain("chain after")
    book = assign_positions(chain, "crypto_puts_bought")
    strike = book["strike"]
    puts = book.select((strike >= _ZONE[0]) & (strike <= _ZONE[-1]) & (book["kind"] == "put"))
    beta, where = _beta(records)
    spots = np.geomspace(chain.spot, after.spot, 201)[1:]
    low, high = 0.99 * float(spots.min()), 1.01 * chain.spot
    flows = {
        slope: hedge_path(puts, beta=slope, low=low, high=high).flows(spots) / 1e6 for slope in (beta, _PRESS)
    }
    half, recorded = len(spots) // 2 - 1, flows[beta]
    return Finding(
        span(float(flow["vanna"].iloc[-1] - flow["vanna"].iloc[half]) for flow in flows.values()),
        f"{records.source('chain of 4 Feb', 'chain after')}: open interest; betas {beta:.2f} ({where}) and "
        f"{_PRESS:.0f}",
        f"from {chain.spot:,.0f} to {after.spot:,.0f} gamma {recorded['gamma'].iloc[-1]:+,.0f}, vanna "
        f"{recorded['vanna'].iloc[-1]:+,.1f}; lowest {recorded['vanna'].min():+,.1f} at "
        f"{recorded['vanna'].idxmin():,.0f}",
        "Dealers are taken to be short every put of the zone, as the claim has it.",
    )


CLAIMS = (option_record, put_dominated, vol_rose, near_90, vol_beta, zone, fund_zone, vanna)
