"""Your own data: a file in a known format, or any DataFrame with a column map."""

import sys

import pandas as pd

import gammaflow as gf


def from_a_vendor_file(path: str, symbol: str | None = None) -> gf.Report:
    """A file in a format that `read_chain` recognises: `python 02_your_own_file.py quotes.csv BTC`."""
    chain = gf.read_chain(path, symbol=symbol)
    print(chain)
    return gf.analyze(chain)


def from_a_frame() -> gf.Report:
    """Any table: name the columns and the underlying, and say when expiries settle."""
    mine = pd.DataFrame(
        {
            "exp": ["2026-03-20", "2026-03-20", "2026-03-20", "2026-04-17"],
            "k": [580.0, 590.0, 600.0, 585.0],
            "cp": ["P", "P", "C", "P"],
            "oi": [12_000, 30_500, 28_000, 9_000],
            "vol": [0.19, 0.17, 0.15, 0.18],
        }
    )
    chain = gf.chain_from_frame(
        mine,
        columns={"expiry": "exp", "strike": "k", "kind": "cp", "open_interest": "oi", "iv": "vol"},
        symbol="SPY",
        spot=593.2,
        asof="2026-03-02T20:00:00+00:00",
        multiplier=100,
        settlement="PM",
    )
    # Set the rate yourself: a vendor's chain has none.
    return gf.analyze(chain.with_columns(rate=0.041, dividend_yield=0.012))


def main(*args: str) -> None:
    report = from_a_vendor_file(*args) if args else from_a_frame()
    print(report.levels)
    try:
        gf.read_chain(__file__)
    except gf.ReaderError as error:
        print(f"\nA file in another format gives a one-line error:\n{error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
