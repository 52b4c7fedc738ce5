"""Masks of filters, row by row against a naive loop."""

import datetime
import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf

F = gf.filters
SPX = "data/cboe/spx_20230914_carlosjimenezdiaz.csv"
IBIT = "data/yahoo_cboe_json/IBIT_20260714T2010ET.json"
NEW_YORK = ZoneInfo("America/New_York")
DERIBIT = "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
SPY = "data/cboe/spy_20250516_Photon1c.csv"
FILES = {"deribit": (DERIBIT, "BTC"), "spx": (SPX, None), "spy": (SPY, None), "ibit": (IBIT, None)}


def cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def european_delta(call, underlying, strike, t, r, sigma, q):
    d1 = (math.log(underlying / strike) + (r - q + 0.5 * sigma * sigma) * t) / (sigma * math.sqrt(t))
    return math.exp(-q * t) * (cdf(d1) if call else cdf(d1) - 1.0)


def wall(chain, moment):
    """Naive local time of a timestamp for rows of this chain: New York for US options, UTC for coins."""
    zone = datetime.UTC if chain.symbol == "BTC" else NEW_YORK
    return pd.Timestamp(moment, tz="UTC").to_pydatetime().astimezone(zone)


def naive(chain):
    """Days to expiry, moneyness, absolute European delta and alive of each row, row by row."""
    days, ratio, deltas, alive = [], [], [], []
    today = wall(chain, chain.asof.tz_localize(None)).date()
    for i in range(len(chain)):
        left = (pd.Timestamp(chain["expiry"][i], tz="UTC") - chain.asof).total_seconds() / (365 * 86400)
        alive.append(left > 0)
        days.append((wall(chain, chain["expiry"][i]).date() - today).days)
        ratio.append(chain["strike"][i] / chain.spot)
        sigma, forward, rate = chain["iv"][i], chain["forward"][i], chain["rate"][i]
        if not (left > 0 and sigma > 0.001):
            deltas.append(math.nan)
            continue
        where = (chain.spot, chain["dividend_yield"][i]) if math.isnan(forward) else (forward, rate)
        value = european_delta(
            chain["kind"][i] == "call", where[0], chain["strike"][i], left, rate, sigma, where[1]
        )
        deltas.append(abs(value))
    return tuple(map(np.array, (days, ratio, deltas, alive)))


@pytest.fixture(scope="module", params=FILES)
def recorded(request, shared):
    path, symbol = FILES[request.param]
    chain = gf.read_chain(shared / path, symbol=symbol)
    return replace(chain, columns={name: values[::5] for name, values in chain.columns.items()})


def check_against_loop(chain):
    days, ratio, deltas, alive = naive(chain)
    oi, volume = chain["open_interest"], chain["volume"]
    cases = [
        (F.dte(0, 7), alive & (days <= 7)),
        (F.dte(1, 45), alive & (days >= 1) & (days <= 45)),
        (F.dte(60), alive & (days >= 60)),
        (F.delta(0.05, 0.5), (deltas >= 0.05) & (deltas <= 0.5)),
        (~F.delta(0.05, 0.5), (deltas < 0.05) | (deltas > 0.5)),
        (F.moneyness(0.9, 1.1), (ratio >= 0.9) & (ratio <= 1.1)),
        (F.min_open_interest(100), oi >= 100),
        (F.min_volume(10), volume >= 10),
        (~F.min_volume(10), volume < 10),
        (
            F.puts() & F.dte(0, 30) | F.moneyness(1.2),
            (chain["kind"] == "put") & alive & (days <= 30) | (ratio >= 1.2),
        ),
    ]
    for wanted, mask in cases:
        np.testing.assert_array_equal(wanted.mask(chain), mask, err_msg=wanted.text)
        if mask.any():
            part = chain.select(wanted)
            assert part["contract"].tolist() == chain["contract"][mask].tolist()
            left_out = oi[~mask & ~np.isnan(oi)].sum() / oi[~np.isnan(oi)].sum()
            assert part.selection.excluded == pytest.approx(left_out, abs=1e-14)
            assert part.selection.unknown == (wanted.truth(chain) == 0).sum()
    assert (F.delta(0, 1).truth(chain) == 0).sum() == np.isnan(deltas).sum()


def test_masks_of_recorded_chains(recorded):
    check_against_loop(recorded)


def test_masks_of_the_made_up_chain():
    chain = gf.demo_chain()
    iv = chain["iv"].copy()
    iv[::7] = np.nan
    check_against_loop(chain.with_columns(iv=iv, volume=np.where(np.arange(len(chain)) % 3, 20.0, np.nan)))


def test_books_select_what_their_chain_does(recorded):
    book, split = gf.assign_positions(recorded, "short_all"), 0
    for wanted in (
        F.dte(0, 30),
        F.delta(0.1, 0.6),
        F.moneyness(0.8, 1.0),
        F.monthly(),
        ~F.calls(),
        F.weekly(),
    ):
        whole = set(recorded["contract"][wanted.mask(recorded)])
        mask = np.array([name in whole for name in book["contract"]])
        np.testing.assert_array_equal(wanted.mask(book), mask, err_msg=wanted.text)
        split += 0 < mask.sum() < len(book)
        if not mask.any():
            continue
        out = whole_size = 0.0
        for i in range(len(book)):
            size = abs(book["position"][i]) * book["multiplier"][i]
            whole_size, out = whole_size + size, out + size * (book["contract"][i] not in whole)
        part = book.select(wanted)
        assert part.selections[0].excluded == pytest.approx(out / whole_size, abs=1e-13)
        line = f"{wanted.text}; {out / whole_size:.1%} of absolute positions excluded"
        assert part.filters[0].startswith(line)
    assert split >= 4
