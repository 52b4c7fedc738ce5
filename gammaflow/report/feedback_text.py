"""Text of a feedback report: its conditions, and its numbers as tables of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.cascade.solve import Cascade
from gammaflow.feedback.cascade.text import landing_notes, money, move_text, traded
from gammaflow.feedback.gain import text as gain_text
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.feedback.simulation.path_text import SIGN, days_text
from gammaflow.plot.tables import text_table
from gammaflow.text import price_text, readable, rows_text

__all__ = ["cascade_dict", "cascade_lines", "channel_name", "effect_rows", "facts", "tables"]

_QUANTILES = ("5 %", "25 %", "50 %", "75 %", "95 %")


def facts(found: Any) -> list[tuple[str, str]]:
    """Name and text of the conditions of a feedback report: impact, hedging, pools, and the simulation."""
    setup, gain, cascade = found.paths.setup, found.gain, found.cascade
    pools = gain.liquidations
    shocked = "none" if cascade is None else money(cascade.shock, found.book.currency)
    after = setup.options.get("shock_days", 0.0)
    error, notes = setup.surface.error, [*setup.surface.remarks, *setup.notes]
    return [
        ("price impact", gain_text.depth_text(gain)),
        *([("price impact, caveat", setup.impact.caveat)] if setup.impact.caveat else []),
        ("shock", shocked + (f", over {days_text(after)}" if after else "")),
        ("hedging", f"dealers trade {100 * setup.hedge_fraction:.3g} % of the theoretical hedge"),
        ("spot-vol beta", f"{setup.beta:g} (d sigma / d ln S)"),
        ("liquidations", "none" if pools is None else _pools_text(pools)),
        (
            "simulation",
            f"{setup.paths:,} paths of {rows_text(setup.steps, 'step')} over {days_text(setup.days)}, seed "
            f"{setup.seed}; volatility of the noise {100 * setup.volatility:.4g} % a year",
        ),
        ("interpolation", f"dealers' delta off by up to {100 * error.share:.2g} % of gross delta"),
        *([("simulation, notes", "; ".join(notes))] if notes else []),
        ("loop gain, cascade", "time held fixed"),
        ("sign, loop gain", gain_text.SIGN),
        ("sign, flows", SIGN.removeprefix("flows: ")),
    ]


def _pools_text(pools: Liquidations) -> str:
    """Totals, source, snapshot and what was excluded, in one line."""
    totals, _, *lines = pools.summary().removeprefix("Liquidations: ").splitlines()
    return "; ".join([totals, *(line.strip() for line in lines)])


def cascade_lines(cascade: Cascade) -> list[str]:
    """Landing, jumps and other equilibria, in sentences."""
    path = cascade.balance.path
    alone = move_text(path.spot * float(np.exp(cascade.alone)), path.spot)
    if cascade.runaway:
        end = move_text(path.low if cascade.shock < 0.0 else path.high, path.spot)
        lines = [f"Runaway: no equilibrium before the end of the range, {end}; the shock alone: {alone}"]
    else:
        lines = [
            f"Landing {move_text(cascade.spot, path.spot)}, {cascade.amplification:.3g} times the log return "
            f"of the shock alone, {alone}"
        ]
    return [*lines, *landing_notes(cascade), *path.remarks]


def tables(found: Any) -> list[tuple[str, str, pd.DataFrame]]:
    """Title, note and table of texts of each part of a feedback report."""
    paths, currency = found.paths, found.book.currency
    out = [
        ("Loop gain", gain_text.MEANING, pd.DataFrame(gain_text.lines(found.gain), columns=["what", "value"]))
    ]
    if found.cascade is not None:
        title = f"Cascade of {money(found.cascade.shock, currency)}"
        out.append((title, "; ".join(cascade_lines(found.cascade)), _cascade_table(found.cascade, currency)))
    note = (
        f"% of ln S, ± one standard error; {paths.setup.paths:,} paths over {days_text(paths.setup.days)}; "
        f"{_share(paths.runaway_share)} left the spots of the surface"
    )
    if clipped := float(np.mean(paths.raw.vol_clipped)):
        note += f"; {_share(clipped)} reached the end of the vol shifts"
    out.append(("Simulated move", note, _moves(paths)))
    note = (
        "% of ln S, ± one standard error. Booked: moves made by each channel's own trades, which add up to "
        "the total. Effect: the mean, and the 5 % quantile, with the channel less that without it, on the "
        "same random numbers. Booking is not cause: without a shock what it sets off is missing too, so that "
        "its effect may be far larger than its booking."
    )
    out.append(("Channels of the simulation", note, _channels(found)))
    return out


def effect_rows(found: Any) -> pd.DataFrame:
    """Mean move by channel with its error, flow, and effect of the channel: numbers, NaN where none."""
    table: pd.DataFrame = found.paths.channels_table.copy()
    effect = found.effects.table.reindex(table.index)
    for name, column in {"effect": "effect", "effect_error": "standard_error", "tail": "effect_5 %"}.items():
        table[name] = effect[column]
    return table


def cascade_dict(cascade: Cascade | None) -> dict[str, Any] | None:
    """Numbers of a cascade as plain Python."""
    if cascade is None:
        return None
    return {
        "shock": cascade.shock,
        "spot": cascade.spot,
        "log_return": cascade.log_return,
        "alone": cascade.alone,
        "amplification": cascade.amplification,
        "runaway": cascade.runaway,
        "jumped": cascade.jumped,
        "by_channel": cascade.table.reset_index().to_dict("records"),
        "roots": cascade.root_table.to_dict("records"),
        "folds": [fold._asdict() for fold in cascade.folds],
    }


def _cascade_table(cascade: Cascade, currency: str) -> pd.DataFrame:
    table = cascade.table.loc[traded(cascade.table)]
    table = table.assign(log_return=100.0 * table["log_return"])
    table = table.rename(columns={"log_return": "move"})
    texts = text_table(table, {"flow": currency, "move": "% of ln S"}).reset_index()
    return texts.assign(channel=[channel_name(name) for name in texts["channel"]])


def _moves(paths: Any) -> pd.DataFrame:
    """Distribution of the move and the low in percent of ln S and as prices, the day of the low, peak vol."""
    found, spot, currency = paths.distribution, paths.spot, paths.setup.currency
    rows = []
    for name, percent, price in (("log_return", "move [%]", "end"), ("low", "low [%]", "low")):
        row = found.loc[name]
        signed = [f"{100.0 * row[q]:+z.2f}" for q in _QUANTILES]
        prices = [price_text(spot * float(np.exp(row[q]))) for q in _QUANTILES]
        rows += [(percent, _with_error(row["mean"], row["standard_error"], 2), *signed)]
        rows += [(f"{price} [{currency}]", "", *prices)]
    for name, text, factor in (("low_day", "day of the low", 1.0), ("peak_vol", "peak vol [%]", 100.0)):
        row = factor * found.loc[name]
        rows += [(text, f"{row['mean']:.3g}", *(f"{row[q]:.3g}" for q in _QUANTILES))]
    return pd.DataFrame(rows, columns=["quantity", "mean", *_QUANTILES])


def _channels(found: Any) -> pd.DataFrame:
    """Booked move, flow and effect of each channel, as text."""
    table = effect_rows(found)
    divisor, unit = readable(table["flow"].fillna(0.0), found.book.currency)
    columns = {
        "channel": [channel_name(name) for name in table.index],
        "booked [%]": [_with_error(*pair) for pair in _pairs(table, "mean", "standard_error")],
        f"flow [{unit}]": ["" if np.isnan(flow) else f"{flow / divisor:z,.3f}" for flow in table["flow"]],
        "effect [%]": [_with_error(*pair) for pair in _pairs(table, "effect", "effect_error")],
        "effect on 5 % [%]": [_with_error(tail, np.nan) for tail in table["tail"]],
    }
    return pd.DataFrame(columns)


def _pairs(table: pd.DataFrame, *names: str) -> Any:
    return table[list(names)].itertuples(index=False)


def _with_error(value: float, error: float, digits: int = 3) -> str:
    """A share in percent with its standard error; "" where there is none."""
    if np.isnan(value):
        return ""
    text = f"{100.0 * value:+z.{digits}f}"
    return text if np.isnan(error) else f"{text} ± {100.0 * error:.{digits}f}"


def _share(share: float) -> str:
    return f"{100 * share:.2f} % of paths" if share else "no path"


def channel_name(name: Any) -> str:
    """Name of a channel in tables and pictures."""
    # the cascade calls the shock exogenous; in the simulation it is the only flow of that channel
    return {"exogenous": "shock", "deleveraging": "shock"}.get(str(name), str(name).replace("_", " "))
