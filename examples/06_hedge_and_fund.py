"""Options, a dealer's perpetual hedge and a leveraged fund in one book.

Pass a table of Deribit instruments and an underlying to use quotes of your own; without them the built-in
synthetic chain is used. The fund's assets are made up.
"""

import sys

import numpy as np
import pandas as pd

import gammaflow as gf

# A fund of twice the daily return with 2.5bn of assets, in shares worth 4e-4 coins each.
LEVERAGE, ASSETS, SHARE = 2.0, 2.5e9, 4e-4


def rest_of(options: gf.Book) -> gf.Book:
    """The perpetual that takes the options' delta off, and the fund, whose swap dealers are short of it."""
    delta = gf.aggregate_exposure(options).total()["delta"]
    rows = pd.DataFrame(
        {
            "contract": ["PERPETUAL", f"{LEVERAGE:g}x fund"],
            "venue": ["perpetuals", "funds"],
            "kind": ["perpetual", "leveraged fund"],
            "position": [-delta / options.spot, -ASSETS / (SHARE * options.spot)],
            "multiplier": [1.0, 1.0],
            "forward_ratio": [1.0, SHARE],
            "leverage": [np.nan, LEVERAGE],
            "sigma": [np.nan, 0.6],
        }
    )
    return gf.Book(rows, options.symbol, options.spot, options.asof)


def main() -> None:
    chain = (
        gf.read_chain(sys.argv[1], symbol=next(iter(sys.argv[2:]), None)) if sys.argv[1:] else gf.demo_chain()
    )
    options = gf.assign_positions(chain, venue="options")
    book = options + rest_of(options)
    print(book)

    table = gf.aggregate_exposure(book).by("venue")[["delta", "gamma", "theta"]] / 1e6
    print("\nUSD m (gamma: per 1 %, theta: per day):")
    print(table.to_string(float_format="{:,.1f}".format))

    profile = gf.sweep_spot(book)
    for name, levels in (("options", gf.sweep_spot(options).levels()), ("all", profile.levels())):
        flip, trough = levels.nearest_flip, levels.zone.trough
        print(
            f"{name}: gamma {levels.gamma / 1e6:,.1f}, zero gamma {flip.spot:,.0f}, trough {trough.spot:,.0f}"
        )
    flow = gf.hedge_flow(book, spot=0.9 * book.spot)
    print(f"spot 10 % lower: dealers trade {flow.total / 1e6:,.0f} USD m")

    profile.plot_stack("venue").figure.savefig("hedge_and_fund.png", dpi=120)


if __name__ == "__main__":
    main()
