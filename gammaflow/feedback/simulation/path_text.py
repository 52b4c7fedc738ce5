"""Text of simulated paths, and their numbers as plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.doubts import beta_doubts, shock_doubts, volatility_doubts
from gammaflow.feedback.simulation.path_tables import prices
from gammaflow.feedback.simulation.setup import Setup
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text, number_text, price_text, readable, rows_text

__all__ = [
    "SIGN",
    "counterfactual_lines",
    "days_text",
    "doubts",
    "lag_doubts",
    "lines",
    "picture_title",
    "setup_lines",
    "to_dict",
]

#: Meaning of + in flows and in the attribution of the move.
SIGN = "flows: + = buys, - = sells; attribution: + = the channel raises the price"


def setup_lines(name: str, setup: Setup) -> list[str]:
    """Heading of a result of a simulation: book, rule, sign, then every input that decides its numbers."""
    if setup.book is None:
        head = [
            f"{name}, {setup.title}, as of {moment_text(setup.asof)}, spot {setup.spot:,.2f} "
            f"{setup.currency}",
            "rule: none (the surface was given without a book)",
            f"sign: {SIGN}",
        ]
    else:
        head = heading(name, setup.book, sign=SIGN)
    error = setup.surface.error
    return [
        *head,
        *(f"WARNING: {text}" for text in doubts(setup)),
        str(setup.impact),
        *([f"caveat: {setup.impact.caveat}"] if setup.impact.caveat else []),
        f"channels: {', '.join(setup.channels) or 'none'}",
        f"volatility of the noise: {100 * setup.volatility:.4g} % a year; spot-vol beta {setup.beta:g}; "
        f"dealers trade {100 * setup.hedge_fraction:.3g} % of the theoretical hedge",
        f"{rows_text(setup.paths, 'path')} of {rows_text(setup.steps, 'step')} over {days_text(setup.days)}, "
        f"seed {setup.seed}",
        f"dealers' delta is interpolated: off by up to {number_text(float(f'{error.units:.3g}'))} units, "
        f"{100.0 * error.share:.2g} % of gross delta; in the last hours before expiry "
        f"{100.0 * error.expiring:.2g} %",
        *([f"rows that expire: their hedge is {setup.surface.expiring}"] if len(setup.surface.drops) else []),
        *setup.surface.remarks,
        *setup.notes,
    ]


def doubts(setup: Setup) -> list[str]:
    """Implausible beta, shock and volatility, one sentence each."""
    shock = setup.options.get("shock") or 0.0
    return [
        *beta_doubts(setup.beta), *shock_doubts(shock, setup.impact), *volatility_doubts(setup.volatility),
        *lag_doubts(setup),
    ]  # fmt: skip


def lag_doubts(setup: Setup) -> list[str]:
    """A sentence where hedging one step late oscillates: a loop gain beyond 1 in size near the start."""
    if not setup.hedges_late:
        return []
    gain, spot = setup.largest_gain()
    if abs(gain) <= 1.0:
        return []
    return [
        f"loop gain reaches {gain:.3g} at {price_text(spot)}: hedges one step late then overshoot, and paths "
        "oscillate or run away; moves there depend on steps. Compare gf.solve_cascade."
    ]


def days_text(days: float) -> str:
    """A number of days as text.

    Examples
    --------
    >>> days_text(1.0), days_text(0.25)
    ('1 day', '0.25 days')
    """
    return f"{days:g} day{'s' * (days != 1.0)}"


def picture_title(setup: Setup, what: str) -> str:
    """Title of a picture: symbol, what it shows, the date; the rule on a line of its own."""
    what = f"{what}, {moment_text(setup.asof)}"
    if setup.book is None:
        return f"{what[:1].upper()}{what[1:]}\n{setup.title}"
    return under_rule(f"{setup.title} {what}", setup.book)


def lines(paths: Any) -> list[str]:
    """Setup, the distribution of the move and of the low, the channels, and paths that left the grid."""
    setup, found = paths.setup, paths.distribution
    move, low, day = (found.loc[name] for name in ("log_return", "low", "low_day"))
    return [
        *setup_lines("FeedbackPaths", setup),
        f"move: mean {_percent(move['mean'])} of ln S (standard error "
        f"{_error(move['standard_error'])}), median {_spot(setup, move['50 %'])}, "
        f"5 % {_spot(setup, move['5 %'])}, 95 % {_spot(setup, move['95 %'])} {setup.currency}",
        f"low: median {_spot(setup, low['50 %'])}, 5 % {_spot(setup, low['5 %'])}; "
        f"reached after {day['50 %']:.3g} days (median)",
        f"volatility at its peak: median {100 * found.loc['peak_vol', '50 %']:.3g} %, "
        f"95 % {100 * found.loc['peak_vol', '95 %']:.3g} %",
        *_channel_lines(paths.channels_table, setup.currency),
        _stopped(
            paths.runaway_share, "left the spots of the surface", "; beyond them dealers' delta is constant"
        ),
        _stopped(
            float(np.mean(paths.raw.vol_clipped)), "reached an end of the vol shifts", "; clipped there"
        ),
    ]


def _percent(value: float) -> str:
    return f"{100.0 * value:+z.2f} %"


def _error(value: float) -> str:
    return f"{100.0 * value:.2f} %" if np.isfinite(value) else "unknown, one path"


def _spot(setup: Setup, log_return: float) -> str:
    return price_text(float(prices(setup.spot, log_return)))


def _channel_lines(table: pd.DataFrame, currency: str) -> list[str]:
    divisor, unit = readable(table["flow"].fillna(0.0), currency)
    out = [f"mean by channel [% of ln S], its standard error, and the flow [{unit}]:"]
    for name, row in table.iterrows():
        flow = "" if np.isnan(row["flow"]) else f"{row['flow'] / divisor:>14,.2f}"
        out.append(f"  {name!s:<16}{100.0 * row['mean']:>+10.3f}{100.0 * row['standard_error']:>10.3f}{flow}")
    return out


def _stopped(share: float, what: str, then: str) -> str:
    return f"{100.0 * share:.2f} % of the paths {what}{then}" if share else f"no path {what}"


def counterfactual_lines(found: Any, meaning: str) -> list[str]:
    """Setup, method, and the table in percent of ln S."""
    table = 100.0 * found.table
    signed = "{:+.3f}".format
    return [
        *setup_lines("Counterfactual", found.setup),
        f"method: {found.method} ({meaning}), {rows_text(found.runs, 'simulation')} more on "
        "the same random numbers",
        "booked by channel, and effect of the channel [% of ln S]; booking is not cause:",
        *(
            ["without deleveraging, the hedging it sets off is missing too: effects may exceed bookings"]
            if "deleveraging" in found.effects
            else []
        ),
        table.to_string(formatters={n: "{:.3f}".format if n == "standard_error" else signed for n in table}),
    ]


def to_dict(paths: Any) -> dict[str, Any]:
    """Every number that describes the paths as plain Python, None where there is none; no row per path."""
    setup, impact = paths.setup, paths.setup.impact
    book = setup.book
    return {
        "symbol": None if book is None else book.symbol,
        "asof": setup.asof.isoformat(),
        "spot": setup.spot,
        "currency": setup.currency,
        "rule": None if book is None else book.rule_text,
        "filters": [] if book is None else list(book.filters),
        "sign": SIGN,
        "impact": {
            "name": impact.name,
            "source": impact.source,
            "caveat": impact.caveat,
            "per_1pct": impact.per_1pct,
            "permanent": impact.permanent,
            "half_life": _plain(impact.half_life),
        },
        "channels_in_use": list(setup.channels),
        "paths": setup.paths,
        "steps": setup.steps,
        "days": setup.days,
        "seed": setup.seed,
        "volatility": setup.volatility,
        "beta": setup.beta,
        "hedge_fraction": setup.hedge_fraction,
        "notes": list(setup.notes),
        "warnings": list(paths.warnings),
        "runaway_share": paths.runaway_share,
        "vol_clipped_share": float(np.mean(paths.raw.vol_clipped)),
        "interpolation_error": setup.surface.error._asdict(),
        "distribution": _records(paths.distribution, "quantity"),
        "channels": _records(paths.channels_table, "channel"),
        "fan": _records(paths.fan, "days"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def _records(table: pd.DataFrame, index: str) -> list[dict[str, Any]]:
    rows: Iterable[dict[Any, Any]] = table.rename_axis(index).reset_index().to_dict("records")
    return [{str(k): _plain(v) for k, v in row.items()} for row in rows]
