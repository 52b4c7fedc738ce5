"""Warnings about cash dividends: none ahead, too few for the expiries, and early exercise because of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.columnar import Quotes
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.forwards import on_dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.text import percent_text, rows_text

__all__ = ["GAIN", "WORTH", "dividend_warnings", "gain_of_exercise"]

Array = NDArray[np.float64]

#: Gain from exercise before an ex-date above which a call is named, and worth of the dividends to expiry from
#: which a put is [share of spot]. Below them, within half a deviation of the money, a yield's gamma differs
#: from that of a tree with cash dividends by up to 1 % and 2 % (theory, Rates and dividends).
GAIN, WORTH = 1e-3, 5e-3
# Expiries later than this many usual steps after the last ex-date are likely to lack dividends.
_STEPS = 1.5


def dividend_warnings(chain: Quotes, dividends: Dividends, curve: RateCurve | None = None) -> tuple[str, ...]:
    """Implausibilities of dividends beside the unexpired rows of a chain, one sentence each.

    Rows with a forward of their own do not need dividends; `curve` discounts them, else the rate of each row.
    """
    own = ~np.isnan(chain["forward"]) & ~on_dividends(chain, dividends, curve)
    unexpired = chain.years > 0.0
    alive = unexpired & ~own
    if not alive.any():
        return _idle(dividends) if unexpired.any() else ()
    ahead = dividends.years(chain.asof)
    ahead, last = ahead[ahead > 0.0], float(chain.years[alive].max())
    if not (ahead <= last).any():
        return (
            f"dividends: received {dividends.span}, and none of {rows_text(len(dividends), 'ex-date')} is "
            "after asof and before the last expiry; plausible is one or more. Pass those ahead, or none.",
        )
    return (*_few(chain, ahead, alive), *_exercised(chain, dividends, alive))


def _idle(dividends: Dividends) -> tuple[str, ...]:
    """A warning where no row needs dividends."""
    return (
        f"dividends: received {dividends.span}, and every unexpired row has a forward of its own, so that "
        "they change nothing; plausible are rows without. Leave them out, or drop the forwards.",
    )


def gain_of_exercise(chain: Quotes, dividends: Dividends) -> Array:
    """Largest gain of a call from exercise just before an ex-date, per row (n,) [currency]; -inf without one.

    Hull ("Options, Futures, and Other Derivatives", American options on a stock paying dividends): exercise
    before the i-th ex-date can be optimal only where D_i > K (1 - e^(-r (t_(i+1) - t_i))), the interest on
    the strike until the next one, or expiry.
    """
    t = dividends.years(chain.asof)
    cash, t = dividends.numbers[t > 0.0], t[t > 0.0]
    expiry, K, r = chain.years, chain["strike"], chain["rate"]
    found = np.full(len(chain), -np.inf)
    for i, paid in enumerate(t):
        until = np.minimum(expiry, t[i + 1] if i + 1 < len(t) else np.inf) - paid
        gain = cash[i] + K * np.expm1(-r * until)
        found = np.where(expiry >= paid, np.maximum(found, gain), found)
    return found


def _few(chain: Quotes, ahead: Array, alive: NDArray[np.bool_]) -> tuple[str, ...]:
    """A warning where expiries go on well after the last ex-date."""
    if len(ahead) < 2:
        return ()
    step = float(np.median(np.diff(ahead)))
    days = np.unique(chain["expiry"][alive & (chain.years > ahead[-1] + _STEPS * step)])
    if not len(days):
        return ()
    return (
        f"dividends: received none for the {365.0 * (chain.years[alive].max() - ahead[-1]):,.0f} days to the "
        f"last expiry, and one every {365.0 * step:,.0f} days before; plausible is that they go on. "
        f"{rows_text(len(days), 'expiry')} from {days[0].astype('M8[D]')} on may lack them: add "
        "estimates, or 0 on a later day where there are none.",
    )


def _exercised(chain: Quotes, dividends: Dividends, alive: NDArray[np.bool_]) -> tuple[str, ...]:
    """A warning that counts the American rows for which a yield is not good enough."""
    early = alive & (chain["exercise"] == "american")
    if not early.any():
        return ()
    call = chain["kind"] == "call"
    calls = early & call & (gain_of_exercise(chain, dividends) > GAIN * chain.spot)
    worth = dividends.present_values(chain.asof, chain.years, chain["rate"])
    puts = early & ~call & (worth >= WORTH * chain.spot)
    if not (calls.any() or puts.any()):
        return ()
    interest = np.nan_to_num(chain["open_interest"])
    total = float(interest[early].sum())
    share = f" ({percent_text(float(interest[calls | puts].sum()) / total)} of their open interest)"
    return (
        f"early exercise: {calls.sum():,} American calls gain from exercise just before an ex-date, and "
        f"{puts.sum():,} puts wait for dividends of {100.0 * WORTH:g} % of spot or more"
        f"{share if total else ''}; they are valued with the yield of the same forward. Near the money their "
        "gamma is off by up to 5 % for a dividend of 0.5 % of spot, 11 % for one of 1 % and 42 % for one of "
        "2 %, in the money by more.",
    )
