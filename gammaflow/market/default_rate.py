"""The rate of a chain that gives none and whose quotes determine none: the US short rate of its year."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gammaflow.market.chain import Chain

__all__ = ["FEDERAL_FUNDS", "default_rate"]

#: Average effective federal funds rate of each year [1/year], to a tenth of a point (Board of Governors,
#: H.15; of the last year so far): approximate, and coarse where it moved within a year (2022: by 4 points).
FEDERAL_FUNDS: Mapping[int, float] = MappingProxyType(
    {
        2005: 0.032, 2006: 0.050, 2007: 0.050, 2008: 0.019, 2009: 0.002, 2010: 0.002, 2011: 0.001,
        2012: 0.001, 2013: 0.001, 2014: 0.001, 2015: 0.001, 2016: 0.004, 2017: 0.010, 2018: 0.018,
        2019: 0.022, 2020: 0.004, 2021: 0.001, 2022: 0.017, 2023: 0.050, 2024: 0.051, 2025: 0.042,
        2026: 0.036,
    }
)  # fmt: skip


def default_rate(chain: Chain) -> tuple[float, str]:
    """Rate for a chain that gives none and whose quotes determine none, and its source in words.

    The entry of `FEDERAL_FUNDS` for the year of `asof`, or for the nearest year available; 0 where the
    currency is not USD.

    Examples
    --------
    >>> import gammaflow as gf
    >>> default_rate(gf.demo_chain())[0]
    0.036
    """
    if chain.currency != "USD":
        return 0.0, f"no default for {chain.currency}, and the chain has none; set one with rate= or --rate"
    year = min(max(chain.asof.year, min(FEDERAL_FUNDS)), max(FEDERAL_FUNDS))
    return FEDERAL_FUNDS[year], (
        f"default, as the chain has none: about the average US federal funds rate of {year}; "
        "rate= or --rate sets another"
    )
