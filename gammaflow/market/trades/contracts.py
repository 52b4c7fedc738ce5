"""Names of option contracts in tapes: US symbols, Deribit's, and those of `chain_from_frame`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.market.readers.deribit import parse_instruments
from gammaflow.market.readers.osi import parse_symbols

__all__ = ["TERMS", "contract_terms", "us_symbols"]

#: Columns of `contract_terms`.
TERMS = ("contract", "root", "day", "kind", "strike")

_OWN = r"^(.+)-(\d{4}-\d\d-\d\d)T\d\d:\d\d-([0-9.e+]+)-(call|put)$"


def contract_terms(names: Any) -> pd.DataFrame:
    """Terms of each name of an option contract; all missing for other names.

    Parameters
    ----------
    names : (n,) array of str

    Returns
    -------
    DataFrame
        Columns `contract` (US symbols without prefix and blanks), `root`, `day` of expiry, `kind` and
        `strike`, one row per name.

    Examples
    --------
    >>> contract_terms(["O:SPXW260206P06800000", "BTC-27MAR26-70000-C", "BTC-PERPETUAL"])[
    ...     ["contract", "kind", "strike"]
    ... ].values.tolist()
    [['SPXW260206P06800000', 'put', 6800.0], ['BTC-27MAR26-70000-C', 'call', 70000.0], [nan, nan, nan]]
    """
    text = pd.Series(names, dtype=object).astype("str").str.strip()
    places, unique = pd.factorize(text.to_numpy(dtype=object), use_na_sentinel=False)
    terms = _parsed(tuple(str(name) for name in unique))
    return terms.take(places).reset_index(drop=True)


@lru_cache(maxsize=32)
def _parsed(names: tuple[str, ...]) -> pd.DataFrame:
    """Terms of distinct names; files of one tape mostly have the same."""
    distinct = pd.Series(names, dtype=object)
    listed = parse_symbols(distinct)
    coin = parse_instruments(distinct).rename(columns={"base": "root"})
    own = distinct.astype("str").str.extract(_OWN).set_axis(["root", "day", "strike", "kind"], axis=1)
    own["day"] = pd.to_datetime(own["day"], errors="coerce").astype("datetime64[ns]")
    own["strike"] = pd.to_numeric(own["strike"], errors="coerce").astype(float)
    own = own.astype({"root": object, "kind": object}).where(own.notna().all(axis=1))
    us = listed["root"].notna()
    terms = listed.where(us, coin.where(coin["root"].notna(), own[listed.columns]))
    plain = distinct.str.replace(r"^O:|\s", "", regex=True)
    terms.insert(0, "contract", distinct.where(~us, plain).where(terms["root"].notna()))
    return terms[list(TERMS)]


def us_symbols(root: Any, day: Any, kind: Any, strike: Any) -> NDArray[Any]:
    """US option symbols of contracts given by their terms; "" where there is none.

    Parameters
    ----------
    root : (n,) array of str
        Option root symbols.
    day : (n,) array of datetime64
        Days of expiry.
    kind : (n,) array of str
        "call" or "put".
    strike : (n,) array
        Strike prices, multiples of 0.001 [currency].

    Examples
    --------
    >>> us_symbols(["SPY"], [np.datetime64("2023-09-22")], ["call"], [437.5])
    array(['SPY230922C00437500'], dtype=object)
    """
    days = pd.Series(pd.DatetimeIndex(np.asarray(day, "datetime64[ns]")))
    thousandths = 1000.0 * np.asarray(strike, dtype=np.float64)
    whole = np.round(thousandths)
    letter = pd.Series(np.asarray(kind, dtype=object)).map({"call": "C", "put": "P"})
    legal = (np.abs(whole - thousandths) < 1e-6) & (whole > 0) & (whole < 1e8)
    known = legal & (days.notna() & letter.notna()).to_numpy()
    roots = pd.Series(np.asarray(root, dtype=object)).astype("str").str.strip().str.lstrip("^$_")
    text = days.dt.strftime("%y%m%d")
    symbols = [
        f"{r}{d}{side}{int(k):08d}" if ok else ""
        for r, d, side, k, ok in zip(roots, text, letter, np.where(known, whole, 0), known, strict=True)
    ]
    return np.array(symbols, dtype=object)
