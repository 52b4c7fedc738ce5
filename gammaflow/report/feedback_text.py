"""Text of a feedback report: its conditions, and its numbers as tables of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback import gain_text
from gammaflow.feedback.cascade import Cascade
from gammaflow.feedback.cascade_text import fold_text, money, move_text
from gammaflow.feedback.path_text import SIGN
from gammaflow.plot.tables import text_table
from gammaflow.text import number_text, price_text, rows_text

__all__ = ["cascade_dict", "cascade_lines", "effect_rows", "facts", "tables"]

_QUANTILES = ("5 %", "25 %", "50 %", "75 %", "95 %")


def facts(found: Any) -> list[tuple[str, str]]:
    """Name and text of the conditions of a feedback report: impact, hedging, pools, and the simulation."""
    setup, gain, cascade = found.paths.setup, found.gain, found.cascade
    pools = gain.liquidations
    shocked = "none" if cascade is None else money(cascade.shock, found.book.currency)
    after = setup.options.get("shock_days", 0.0)
    error = setup.surface.error
    return [
        ("price impact", gain_text.depth_text(gain)),
        *([("price impact, caveat", setup.impact.caveat)] if setup.impact.caveat else []),
        ("shock", shocked + (f", over {after:g} days" if after else "")),
        ("hedging", f"dealers trade {setup.hedge_fraction:.0%} of the theoretical hedge"),
        ("spot-vol beta", f"{setup.beta:g} (d sigma / d ln S)"),
        ("liquidations", "none" if pools is None else pools.source),
        (
            "simulation",
            f"{setup.paths:,} paths of {rows_text(setup.steps, 'step')} over {setup.days:g} days, seed "
            f"{setup.seed}; volatility of the noise {100 * setup.volatility:.4g} % a year; loop gain and cascade: "
            "time stands still",
        ),
        ("interpolation", f"dealers' delta off by up to {error.share:.2%} of gross delta"),
        *(("simulation", note) for note in (*setup.surface.remarks, *setup.notes)),
        ("sign of loop gain", gain_text.SIGN),
        ("sign of flows", SIGN),
    ]


def cascade_lines(cascade: Cascade) -> list[str]:
    """Landing, jumps and other balances, in sentences."""
    path, currency = cascade.balance.path, cascade.balance.path.currency
    alone = move_text(path.spot * float(np.exp(cascade.alone)), path.spot)
    if cascade.runaway:
        end = move_text(path.low if cascade.shock < 0.0 else path.high, path.spot)
        lines = [f"Runaway: no balance before the end of the range, {end}; the shock alone: {alone}"]
    else:
        lines = [
            f"Landing {move_text(cascade.spot, path.spot)}, {cascade.amplification:.3g} times the log return "
            f"of the shock alone, {alone}"
        ]
    lines += [fold_text(fold, path.spot, currency) for fold in cascade.folds]
    others = [root for root in cascade.roots if not np.isclose(root.spot, cascade.spot, rtol=1e-12, atol=0.0)]
    lines += [
        f"another balance, {'stable' if root.stable else 'unstable'}, at {move_text(root.spot, path.spot)}"
        for root in others
    ]
    return lines


def tables(found: Any) -> list[tuple[str, str, pd.DataFrame]]:
    """Title, note and table of texts of each part of a feedback report."""
    paths, currency = found.paths, found.book.currency
    out = [("Loop gain", gain_text.MEANING, pd.DataFrame(gain_text.lines(found.gain), columns=["what", "value"]))]
    if found.cascade is not None:
        title = f"Cascade of {money(found.cascade.shock, currency)}"
        out.append((title, "; ".join(cascade_lines(found.cascade)), _cascade_table(found.cascade, currency)))
    share = paths.runaway_share
    gone = f"{share:.2%} of paths left the spots of the surface" if share else "no path left the spots of the surface"
    note = f"{paths.setup.paths:,} paths over {paths.setup.days:g} days; {gone}"
    out.append(("Simulated move", note, _moves(paths)))
    note = (
        "Booked: the share of the move that each channel's own trades made, adding up to the total. Without: "
        "the same random numbers without the channel. Booking is not cause."
    )
    out.append(("Channels of the simulation", note, _channels(found)))
    return out


def effect_rows(found: Any) -> pd.DataFrame:
    """Mean move by channel with its error, flow, and what the channel changes: numbers, NaN where none."""
    table = found.paths.channels_table
    effect = found.effects.table.reindex(table.index)
    return table.assign(
        effect=effect["effect"], effect_error=effect["standard_error"], tail=effect["effect_5 %"]
    )


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
    table = cascade.table.assign(log_return=100.0 * cascade.table["log_return"])
    table = table.rename(columns={"log_return": "move"})
    texts = text_table(table, {"flow": currency, "move": "% of ln S"}).reset_index()
    return texts.assign(channel=[_words(name) for name in texts["channel"]])


def _moves(paths: Any) -> pd.DataFrame:
    """Distribution of the move and the low in percent of ln S and as prices, the day of the low, peak vol."""
    found, spot = paths.distribution, paths.spot
    rows = []
    for name, text in (("log_return", "move"), ("low", "low")):
        row = found.loc[name]
        rows.append((f"{text} [% of ln S]", f"{100 * row['mean']:+z.2f}", f"{100 * row['standard_error']:.2f}",
                     *(f"{100 * row[q]:+z.2f}" for q in _QUANTILES)))  # fmt: skip
        prices = (price_text(spot * float(np.exp(row[q]))) for q in _QUANTILES)
        what = "spot at the end" if name == "log_return" else "lowest spot"
        rows.append((f"{what} [{paths.setup.currency}]", "", "", *prices))
    for name, text, factor in (("low_day", "days to the low", 1.0), ("peak_vol", "peak vol [%]", 100.0)):
        row = factor * found.loc[name]
        rows.append((text, f"{row['mean']:.3g}", f"{row['standard_error']:.2g}",
                     *(f"{row[q]:.3g}" for q in _QUANTILES)))  # fmt: skip
    return pd.DataFrame(rows, columns=["quantity", "mean", "error", *_QUANTILES])


def _channels(found: Any) -> pd.DataFrame:
    table, currency = effect_rows(found), found.book.currency
    percent = [f"{name} [% of ln S]" for name in ("booked", "error", "change by it", "error of it", "change of 5 %")]
    names = ["mean", "standard_error", "effect", "effect_error", "tail"]
    texts = {
        title: ["" if np.isnan(v) else f"{100.0 * v:{'' if 'error' in name else '+z'}.3f}" for v in table[name]]
        for title, name in zip(percent, names, strict=True)
    }
    flows = ["" if np.isnan(v) else number_text(float(f"{v:.4g}")) for v in table["flow"]]
    out = pd.DataFrame({"channel": [_words(name) for name in table.index], **texts})
    out.insert(3, f"flow [{currency}]", flows)
    return out


def _words(name: Any) -> str:
    return str(name).replace("_", " ")
