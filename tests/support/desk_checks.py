"""Numbers of the desk page recomputed from the library's functions: each raises where the two differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.report.desk.selections import selections

# Half a unit in the seventh digit of the largest value of a column that begins with 1.
ROUNDED = 5.01e-7


def close(found: Any, wanted: Any, tol: float = 1e-9, scale: float | None = None) -> None:
    """Equal to `tol` of the largest wanted number, or of `scale`; None stands for NaN."""
    one = np.array([np.nan if x is None else x for x in np.atleast_1d(np.array(found, dtype=object))], float)
    two = np.atleast_1d(np.asarray(wanted, float))
    assert one.shape == two.shape
    assert (np.isnan(one) == np.isnan(two)).all()
    size = np.nanmax(np.abs(two), initial=0.0) if scale is None else scale
    apart = float(np.nanmax(np.abs(one - two), initial=0.0))
    assert apart <= tol * size, f"{apart:.3g} apart, allowed {tol:g} of {size:.6g}"


def check_view(report: gf.Report, view: dict[str, Any], tol: float = 1e-9) -> None:
    """A view against a report of the same rows under the same rule and smile dynamics, made afresh."""
    levels, book = report.levels, report.book
    noise = max(tol, 10.0 * report.profile.tol if "american" in book.instruments else 0.0)
    gross = float(report.exposure.rows["gross_gamma"].sum())
    for name, total in report.exposure.total().items():
        close(view["total"][name], total, 1e-12, scale=float(np.abs(report.exposure.rows[name]).sum()))
    close(view["gross"], gross, 1e-12)
    check_curves(report, view)
    if not book.signed:
        assert view["flips"] == view["zones"] == []
        assert view["ladder"] is None
        assert view["regime"]["state"] == "unsigned"
        return
    close([flip["spot"] for flip in view["flips"]], [flip.spot for flip in levels.flips], noise)
    check_zones(levels, view, noise)
    check_rail(report, view)
    if not report.profile.days and not report.profile.vol_shift:
        check_ladder(report, view)


def check_ladder(report: gf.Report, view: dict[str, Any]) -> None:
    """Trades of the ladder against `flow_ladder`, and the curve of trades against both."""
    rungs, gross = view["ladder"], view["gross"]
    how = {"dynamics": report.profile.dynamics, "hours": [], "vol_points": []}
    moves = [100.0 * move for move in rungs["move"]]
    table = gf.flow_ladder(report.book, spot_percent=moves, **how).table
    trades = table.loc["spot_percent", "flow"].to_numpy()
    close(rungs["trade"], trades, 1e-7, scale=max(float(np.abs(trades).max()), 1e-9 * gross))
    spots = np.array(rungs["spot"])
    inside = (spots >= view["spots"][0]) & (spots <= view["spots"][-1])
    drawn = np.interp(spots[inside], view["spots"], np.array(view["flow"], float))
    close(drawn, trades[inside], 0.02, scale=float(np.abs(trades).max()))


def check_curves(report: gf.Report, view: dict[str, Any]) -> None:
    """Curves against a sweep at the view's own spots, and its flow against the change of delta."""
    spots, spot = np.array(view["spots"]), report.book.spot
    profile = report.profile.at(np.unique(np.append(spots, spot)), ["gamma", "vanna", "charm", "delta"])
    table = profile.table
    for name in ("gamma", "vanna", "charm"):
        wanted = table[name][spots].to_numpy()
        close(view[name], wanted, 1.2 * ROUNDED, scale=max(np.abs(wanted).max(), 1e-300))
    units = table["delta"] / table.index
    flow = -spots * (units[spots].to_numpy() - units[spot])
    least = 1e-9 * float(np.abs(table["delta"]).max())
    close(view["flow"], flow, 1.2 * ROUNDED, scale=max(float(np.abs(flow).max()), least))


def check_zones(levels: gf.Levels, view: dict[str, Any], tol: float) -> None:
    """Zones against the levels, and against the curve that is drawn."""
    assert len(view["zones"]) == len(levels.zones)
    spots, gamma = np.array(view["spots"]), np.array(view["gamma"], float)
    unit = ROUNDED * np.abs(gamma).max()
    for found, zone in zip(view["zones"], levels.zones, strict=True):
        assert (found["low_end"], found["high_end"]) == (zone.low_end, zone.high_end)
        close([found["low"]], [np.nan if zone.low_open else zone.low], tol)
        close([found["high"]], [np.nan if zone.high_open else zone.high], tol)
        close(found["core"], zone.core, max(tol, 1e-7))
        close(found["trough"]["gamma"], zone.trough.gamma, max(tol, 1e-9))
        if found["flow"] is not None:
            close(found["flow"], zone.flow, 2e-6, scale=max(zone.flow, 1e-9 * abs(gamma).max()))
        low, high = zone.low, zone.high
        inside = (spots > low) & (spots < high)
        assert (gamma[inside] <= unit).all()
        within = (spots > found["core"][0] * (1 + 1e-9)) & (spots < found["core"][1] * (1 - 1e-9))
        assert (gamma[within] <= levels.core_fraction * found["trough"]["gamma"] + unit).all()
        assert (gamma[inside] >= found["trough"]["gamma"] - unit).all()
    crossings = np.sort([*(f["spot"] for f in view["flips"]), *(jump.spot for jump in levels.jumps)])
    for left, right, a, b in zip(spots[:-1], spots[1:], gamma[:-1], gamma[1:], strict=True):
        if min(abs(a), abs(b)) > unit:  # a sign between two drawn points changes with each crossing there
            between = int(((crossings > left) & (crossings < right)).sum())
            assert (between % 2 == 1) == (a * b < 0.0), (left, right, a, b, between)


def check_rail(report: gf.Report, view: dict[str, Any]) -> None:
    """Levels of the rail: in order, each from the source that its key names."""
    levels, spot = report.levels, report.book.spot
    values = [level["value"] for level in view["levels"]]
    assert values == sorted(values, reverse=True)
    walls, flip = levels.walls, levels.nearest_flip
    zone = levels.zone
    wanted = {
        "spot": spot,
        "sigma_high": spot * np.exp(levels.day_sigma),
        "sigma_low": spot * np.exp(-levels.day_sigma),
        "call_wall_net": walls["call_wall"]["net"],
        "put_wall_net": walls["put_wall"]["net"],
        "call_wall_type": levels.call_wall,
        "put_wall_type": levels.put_wall,
        "call_wall_type_later": walls["call_wall"]["without the next expiry"],
        "put_wall_type_later": walls["put_wall"]["without the next expiry"],
        "max_pain": float(levels.max_pain.iloc[0]) if len(levels.max_pain) else np.nan,
        "flip": flip.spot if flip else np.nan,
        "trough": zone.trough.spot if zone else np.nan,
    }
    found = {level["key"]: level for level in view["levels"]}
    assert len(found) == len(view["levels"])
    for key, value in wanted.items():
        if key.endswith("_later") and key not in found:
            continue
        assert (key in found) == (not np.isnan(value)), key
        if key in found:
            close(found[key]["value"], value, 1e-7 if key == "trough" else 1e-9)
            close(found[key]["distance"], found[key]["value"] / spot - 1.0, 1e-9, scale=1.0)
            if levels.day_sigma > 0.0:
                away = np.log(found[key]["value"] / spot) / levels.day_sigma
                close(found[key]["sigmas"], away, 1e-9, scale=1.0)


def check_bars(model: dict[str, Any], rule: str, selection: str, report: gf.Report) -> None:
    """Bars of a selection against the exposure by strike, and the walls against the bars that are drawn."""
    given = model["strikes"][rule]
    columns = {name: np.array(values) for name, values in given.items() if values is not None}
    moments = [row["expiry"] for row in model["expiries"]]
    mine = {None if t is pd.NaT else t.isoformat() for t in report.book.expiries}
    shown = np.isin(columns["expiry"], [i for i, t in enumerate(moments) if t in mine])
    exposure = report.exposure
    by_strike = exposure.by("strike")
    for name in ("gamma", "vanna", "charm"):
        bars = _sums(columns["strike"][shown], columns[name][shown].astype(float))
        wanted = by_strike[name]
        size = ROUNDED * np.abs(columns[name].astype(float)).max() * len(moments) * 2
        for strike, value in bars.items():
            assert abs(value - float(wanted.get(strike, 0.0))) <= size, (name, strike)
        assert set(wanted.index) <= set(bars)
    view = model["views"][f"{rule}|{report.profile.dynamics.name}|{selection}"]
    walls = {level["key"]: level["value"] for level in view["levels"]}
    gamma = columns["gamma"].astype(float)
    net = _sums(columns["strike"][shown], gamma[shown])
    room = ROUNDED * np.abs(gamma).max() * len(moments) * 2
    if report.book.signed:
        _is_top(net, walls.get("call_wall_net"), room)
        _is_top({k: -v for k, v in net.items()}, walls.get("put_wall_net"), room)
    for side in ("call", "put"):
        own = shown & (columns["side"] == side)
        _is_top(_sums(columns["strike"][own], np.abs(gamma[own])), walls.get(f"{side}_wall_type"), room)


def check_interest(model: dict[str, Any], rule: str, chain: gf.Chain) -> None:
    """Open interest and volume of the bars against the chain's, at the expiries of the page."""
    columns, stamps = model["strikes"][rule], pd.DatetimeIndex(chain["expiry"], tz="UTC")
    listed = np.isin([t.isoformat() for t in stamps], [row["expiry"] for row in model["expiries"]])
    for name in ("open_interest", "volume"):
        if columns[name] is not None:
            close(np.nansum(np.array(columns[name], float)), np.nansum(chain[name][listed]), 1e-12)


def recomputed(chain: gf.Chain, report: gf.Report, rule: str, dynamics: str, selection: str) -> gf.Report:
    """The report of a view, made from the chain by `analyze` alone."""
    where = selections(report.book, report.profile.days)[selection].where
    return gf.analyze(chain, rule=rule, dynamics=dynamics, where=where, days=report.profile.days)


def _sums(keys: Any, values: Any) -> dict[float, float]:
    out: dict[float, float] = {}
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        out[key] = out.get(key, 0.0) + value
    return out


def _is_top(bars: dict[float, float], wall: float | None, room: float) -> None:
    """The wall is the longest bar, to the rounding of bars; None where no bar is long."""
    longest = max(bars.values(), default=0.0)
    if wall is None:
        assert longest <= room
    else:
        assert bars[wall] >= longest - room, (wall, bars[wall], longest)
