"""Levels of real chains of every format: flows, flips, jumps and cores, each computed another way."""

from itertools import product

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.errors import GammaflowError
from gammaflow.exposure.levels import find_flips
from gammaflow.positions.rules import CALLS_LONG_PUTS_SHORT, MIRROR, SHORT_ALL, UNSIGNED

RULES = {rule.name: rule for rule in (CALLS_LONG_PUTS_SHORT, SHORT_ALL, MIRROR, UNSIGNED)}
SETTINGS = list(product([False, True], [0.0, 0.036], sorted(RULES)))
FILES = (
    "deribit/deribit_options_snapshot_*.csv",
    "deribit_daily/deribit_options_snapshot_*.csv",
    "cboe/*.csv",
    "yahoo_cboe_json/*.json",
    "stocks/*.json",
)
# No chain of one underlying, or none at all: told in one sentence by the reader.
REFUSED = {"CPRX.json"}


def european_flow(book, low, high):
    """Change of dollar delta as spot moves: S delta - V at both ends, by the array level."""
    flag, K, t = np.where(book.flag > 0, "c", "p"), book["strike"], book.years
    ends = []
    for spot in (low, high):
        U = spot * book.underlying_ratio
        g = gf.bsm.greeks(
            flag, U, K, t, book["rate"], book["sigma"], book.underlying_yield, ("price", "delta")
        )
        ends.append(book.size * (U * g.delta - g.price))
    return -float((ends[1] - ends[0]).sum())


def gauss_flow(profile, low, high):
    """Gauss's rule of 12 points on pieces between exercise boundaries and 400 steps."""
    cuts = profile.breaks.spots
    inside = cuts[(cuts > low) & (cuts < high)]
    # Beside strikes that expire within hours the grid of the profile is dense.
    grid = profile.spots[(profile.spots > low) & (profile.spots < high)]
    edges = np.log(np.unique(np.concatenate([np.geomspace(low, high, 401), grid, inside])))
    z, w = np.polynomial.legendre.leggauss(4)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    spots = np.exp(middle[:, None] + half[:, None] * z)
    gamma = profile.at(np.unique(spots), ["gamma"]).table["gamma"].to_numpy()
    return -100 * float((gamma.reshape(spots.shape) * w * half[:, None]).sum())


def check_levels(book):
    profile = gf.sweep_spot(book, measures=["gamma", "gross_gamma"])
    levels = gf.find_levels(profile)
    curve, largest = profile.curve(), profile.table["gross_gamma"].max()
    assert find_flips(profile) == pytest.approx([flip.spot for flip in levels.flips], rel=1e-12)
    for flip in levels.flips:
        below, above = curve(flip.spot * np.array([1 - 1e-9, 1 + 1e-9]))
        assert np.sign(above) == -np.sign(below) == np.sign(flip.slope), flip
        assert max(abs(below), abs(above)) < 1e-5 * largest, flip
    for jump in levels.jumps:
        assert np.sign(jump.below) == -np.sign(jump.above), jump
    ends = [
        s
        for z in levels.zones
        for s, e in ((z.low, z.low_end), (z.high, z.high_end))
        if e in ("zero", "jump")
    ]
    assert set(ends) <= {s.spot for s in (*levels.flips, *levels.jumps)}
    european = not len(profile.breaks.spots)
    assert len(levels.moves) == 6
    if european:
        for move, traded in levels.moves.items():
            right = european_flow(book, book.spot, book.spot * (1.0 + move))
            assert traded == pytest.approx(right, rel=1e-5, abs=1e-6 * largest), move
    for zone in levels.zones:
        right = (european_flow if european else gauss_flow)(
            book if european else profile, zone.low, zone.high
        )
        assert zone.flow == pytest.approx(right, rel=1e-6 if european else 1e-5), zone
        assert zone.troughs
        for trough in zone.troughs:
            for edge, end in ((trough.core_low, trough.low_end), (trough.core_high, trough.high_end)):
                if end == "level":
                    assert curve([edge])[0] == pytest.approx(0.9 * trough.gamma, rel=1e-7), trough
                else:
                    assert end in ("jump", "zone")
    return levels


def books(path, symbol, settings):
    """The books of one underlying of a file, which is read once and repaired once for each rate."""
    chain = gf.read_chain(path, symbol=symbol)
    made = {}
    for repair, rate, rule in settings:
        if (repair, rate) not in made:
            repaired = gf.repair_chain(chain, rate=rate) if repair else chain.with_columns(rate=rate)
            made[repair, rate] = repaired
        yield gf.assign_positions(made[repair, rate], rule)


def planned(shared):
    """Files, underlyings and their settings: 2 of each small file but Deribit's; 1 of the others.

    Every second of Deribit's files, in whose 32 first the two underlyings meet all sixteen settings.
    Every rule, and every rate with and without repair, meets every other format.
    """
    plan = []
    for pattern in FILES:
        deribit = pattern.startswith("deribit")
        files = sorted((shared / "data").glob(pattern))[:: 2 if deribit else 1]
        assert files, pattern
        for i, path in enumerate(files):
            few = path.stat().st_size < 1e6 and not deribit
            symbol = (
                ("BTC", "ETH")[(i + i // 16) % 2] if deribit else "CDE" if path.name == "CDE.json" else None
            )
            plan.append((path, symbol, SETTINGS[5 * i % 8 :: 8] if few else SETTINGS[5 * i % 16 :: 16]))
    return plan


def test_every_setting_meets_every_format(shared):
    met = {}
    for path, symbol, settings in planned(shared):
        vendor = path.parent.name.removesuffix("_daily")
        met.setdefault(vendor, set()).update((symbol, *setting) for setting in settings)
    assert met.pop("deribit") == {(symbol, *setting) for symbol in ("BTC", "ETH") for setting in SETTINGS}
    assert set(met) == {"cboe", "yahoo_cboe_json", "stocks"}
    for settings in met.values():
        assert {setting[1:3] for setting in settings} == {setting[:2] for setting in SETTINGS}
        assert {rule for *_, rule in settings} == set(RULES)


@pytest.mark.parametrize(
    ("path", "symbol", "rule"),
    [
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC", MIRROR),
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "ETH", CALLS_LONG_PUTS_SHORT),
        ("cboe/spx_20220205_LucaCastelli.csv", None, CALLS_LONG_PUTS_SHORT),
    ],
)
def test_a_dense_grid_has_no_root_trough_or_wall_but_those(shared, path, symbol, rule):
    """Twenty times the spots of a profile: as many changes of sign; naive sums by strike: the same walls."""
    book = gf.assign_positions(gf.read_chain(shared / "data" / path, symbol=symbol), rule)
    profile = gf.sweep_spot(book, measures=["gamma", "gross_gamma"])
    levels, (low, high) = profile.levels(), profile.spots[[0, -1]]
    spots = np.union1d(np.geomspace(low, high, 20 * len(profile.spots)), profile.spots)
    gamma = profile.at(spots, ["gamma"]).table["gamma"].to_numpy()
    signed = np.flatnonzero(np.abs(gamma) > 1e-12 * profile.table["gross_gamma"].max())
    change = np.flatnonzero(np.diff(np.sign(gamma[signed])))
    found = np.array(sorted((*find_flips(profile), *(jump.spot for jump in levels.jumps))))
    found = found[(found >= low) & (found <= high)]
    assert len(found) == len(change) > 0
    assert (spots[signed[change]] <= found).all()
    assert (found <= spots[signed[change + 1]]).all()
    troughs = [trough for zone in levels.zones for trough in zone.troughs]
    assert troughs
    for trough in troughs:
        core = gamma[(spots >= trough.core_low) & (spots <= trough.core_high)]
        assert core.min(initial=0.0) >= trough.gamma * (1.0 + 1e-9)
    exposure = gf.aggregate_exposure(book)
    net, calls, interest = {}, {}, {}
    for strike, kind, amount, gross, held in zip(
        book["strike"], book["kind"], exposure.rows["gamma"], exposure.rows["gross_gamma"], book["position"],
        strict=True,
    ):  # fmt: skip
        net[strike] = net.get(strike, 0.0) + amount
        if kind == "call":
            calls[strike] = calls.get(strike, 0.0) + gross
        else:
            interest[strike] = interest.get(strike, 0.0) + abs(held)
    walls = levels.walls
    assert walls["absolute"]["net"] == max(net, key=lambda strike: abs(net[strike]))
    assert walls["call_wall"]["by type"] == max(calls, key=calls.__getitem__)
    assert walls["put_wall"]["open interest"] == max(interest, key=interest.__getitem__)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_levels_of_real_chains(shared, part):
    """Files of every format under some of the sixteen settings in turn, two parts of as many books."""
    plan = planned(shared)
    assert len(plan) > 70
    zones = flips = 0
    for path, symbol, settings in plan[part * len(plan) // 2 : (part + 1) * len(plan) // 2]:
        if path.name in REFUSED:
            with pytest.raises(GammaflowError):
                gf.read_chain(path)
            continue
        for book in books(path, symbol, settings):
            levels = check_levels(book)
            zones, flips = zones + len(levels.zones), flips + len(levels.flips)
    assert min(zones, flips) > 10
