"""Names of option contracts in tapes: US symbols, Deribit's, and those of `chain_from_frame`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.market.readers.deribit import parse_instruments
from gammaflow.market.readers.osi import parse_symbols

__all__ = ["contract_names", "contract_terms", "us_symbols"]

#: Columns of `contract_terms` and their types.
_TERMS: Mapping[str, str] = MappingProxyType(
    {"contract": "object", "root": "object", "day": "datetime64[ns]", "kind": "object", "strike": "float64"}
)

_OWN_NAME = r"^(.+)-(\d{4}-\d\d-\d\d)T\d\d:\d\d-([0-9.e+]+)-(call|put)$"


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
    rest = pd.Series(names, dtype=object)
    parts = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _TERMS.items()})]
    for read in (_listed, _coin, _own):
        found = read(rest)
        known = found["root"].notna()
        if known.any():
            parts.append(found.loc[known, list(_TERMS)])
            rest = rest[~known]
        if rest.empty:
            break
    terms = pd.concat(parts[1:]) if len(parts) > 1 else parts[0]
    return terms.reindex(range(len(names)))


def _listed(names: pd.Series[Any]) -> pd.DataFrame:
    return parse_symbols(names).assign(contract=names.str.replace(r"^O:|\s", "", regex=True))


def _coin(names: pd.Series[Any]) -> pd.DataFrame:
    return parse_instruments(names).rename(columns={"base": "root"}).assign(contract=names)


def _own(names: pd.Series[Any]) -> pd.DataFrame:
    parts = names.astype("str").str.extract(_OWN_NAME).set_axis(["root", "day", "strike", "kind"], axis=1)
    parts = parts.astype({"root": object, "kind": object}).assign(contract=names)
    parts["day"] = pd.to_datetime(parts["day"], errors="coerce").astype("datetime64[ns]")
    parts["strike"] = pd.to_numeric(parts["strike"], errors="coerce").astype(float)
    return parts.where(parts.notna().all(axis=1))


def contract_names(names: Any) -> NDArray[Any]:
    """Names of contracts as `Trades` writes them, (n,) array of str; other names unchanged.

    Examples
    --------
    >>> contract_names(["SPXW  260206P06800000", "O:SPXW260206P06800000", "note 7"]).tolist()
    ['SPXW260206P06800000', 'SPXW260206P06800000', 'note 7']
    """
    given = pd.Series(np.asarray(names, dtype=object), dtype=object)
    known = contract_terms(given)["contract"]
    return np.asarray(known.where(known.notna(), given).to_numpy(dtype=object))


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
