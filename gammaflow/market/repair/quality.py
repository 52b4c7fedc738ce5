"""Quality of a repaired chain: that of its rows, and the changes that the repair made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.market.quality import Quality

__all__ = ["RepairQuality"]


@dataclass(frozen=True)
class RepairQuality(Quality):
    """`Quality` of a repaired chain, and the changes that the repair made.

    Attributes
    ----------
    before : Quality
        Quality of the chain as the vendor sent it.
    iv_source : mapping of str to int
        Rows by the source of their volatility: "vendor", "mid" (own quote), "other leg", "none".
    replaced : mapping of str to int
        Rows whose volatility is not the vendor's, by reason.
    unrepaired : mapping of str to int
        Unexpired rows that still have no volatility, by reason.
    flags : mapping of str to int
        Rows by flag; a row may have several.
    forwards : DataFrame
        `RepairedChain.forwards`.
    spot_gap : float
        Discounted forward of the next expiry that has one, over spot, minus 1 [-]: distance of the quoted
        spot from the one that options imply, including dividends until that expiry; NaN without a forward.
    """

    before: Quality | None = None
    iv_source: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] = field(default_factory=dict)
    unrepaired: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    forwards: pd.DataFrame = field(default_factory=pd.DataFrame)
    spot_gap: float = np.nan

    def to_dict(self) -> dict[str, Any]:
        """The quality as plain numbers and text."""
        forwards = self.forwards.reset_index()
        forwards["expiry"] = forwards["expiry"].map(lambda moment: moment.isoformat())
        rows = forwards.astype(object).where(forwards.notna(), None).to_dict("records")
        return {
            **super().to_dict(),
            "before": self.before.to_dict() if self.before else None,
            "volatility_source": dict(self.iv_source),
            "volatility_replaced": dict(self.replaced),
            "volatility_still_missing": dict(self.unrepaired),
            "flags": dict(self.flags),
            "spot_gap": None if np.isnan(self.spot_gap) else self.spot_gap,
            "forwards": rows,
        }

    def __str__(self) -> str:
        table = self.forwards
        known = table[table["forward"].notna()]
        error = (known["error"] / known["forward"] * 1e4).median()
        lines = [super().__str__()]
        if self.before:
            share, score = self.before.usable_share, self.before.score
            usable = "no open interest" if np.isnan(share) else f"{share:.1%} of open interest usable"
            words = "no score" if np.isnan(score) else f"score {score:.0f}"
            lines.append(f"before repair: {usable}, {words}")
        for name, counts in (
            ("volatility from", self.iv_source),
            ("volatility replaced where", self.replaced),
            ("volatility still missing", self.unrepaired),
            ("flagged", self.flags),
        ):
            lines.append(f"{name}: {', '.join(f'{n:,} {what}' for what, n in counts.items()) or 'none'}")
        lines.append(f"parity forward on {len(known)} of {len(table)} expiries")
        if len(known):
            lines[-1] += (
                f" ({known['liquid'].sum()} liquid); median error {error:.2f} bp; spot implied by the next "
                f"one {self.spot_gap * 1e4:+.1f} bp from the quoted spot"
            )
        lines += [f"  {n} x {note}" for note, n in table["note"][table["note"] != ""].value_counts().items()]
        return "\n".join(lines)
