"""Gamma of each row of a chain as a tool would sum it, written out with array-level greeks."""

import numpy as np

import gammaflow as gf


def naive_rows(chain, *, signs=(1.0, -1.0), years=None, rate=None, iv=None, vendor=False):
    """Sign x open interest x multiplier x gamma x price^2 x 0.01 of each row; 0 where it cannot be valued.

    `signs` are those of calls and puts. A `rate` takes the place of the chain's rates, yields and forwards.
    """
    t = chain.years if years is None else years
    sigma = chain["iv"] if iv is None else iv
    forward = np.full(len(chain), np.nan) if rate is not None else chain["forward"]
    r = chain["rate"] if rate is None else np.full(len(chain), rate)
    on = np.where(np.isnan(forward), chain.spot, forward)
    q = np.where(np.isnan(forward), chain["dividend_yield"] if rate is None else 0.0, r)
    if vendor:
        gamma = chain["vendor_gamma"] * chain.spot**2
    else:
        gamma = gf.bsm.greeks(chain["kind"], on, chain["strike"], t, r, sigma, q, ["gamma"]).gamma * on**2
        gamma = np.where(sigma > 0.001, gamma, np.nan)
    held = np.where(chain["kind"] == "call", *signs) * chain["open_interest"] * chain["multiplier"]
    return np.nan_to_num(np.where(t > 0, held * gamma * 0.01, 0.0))
