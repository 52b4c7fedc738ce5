"""The profile: the same book at other spots, days and vols. `python 03_profile.py quotes.csv BTC`."""

import sys

import pandas as pd

import gammaflow as gf

LEVELS = ["gamma", "nearest_flip", "trough", "core_low", "core_high"]


def show(title: str, table: pd.DataFrame) -> None:
    """Print a table with gamma in millions and rounded prices."""
    print(f"\n{title}:")
    print(table.assign(gamma=table["gamma"] / 1e6)[LEVELS].round(1).to_string())


def main(path: str | None = None, symbol: str | None = None) -> None:
    chain = gf.read_chain(path, symbol=symbol) if path else gf.demo_chain()
    book = gf.assign_positions(chain)
    profile = gf.sweep_spot(book)
    print(profile)
    print("zero gamma:", *profile.levels().flips, sep="\n  ")

    dynamics = ["sticky_strike", "sticky_moneyness", gf.dynamics.spot_vol_beta(-3)]
    show("Levels by smile dynamics, gamma in m per +1 %", gf.compare_dynamics(book, dynamics).table)
    show("Levels of each of the next five expiries", gf.flip_term_structure(profile).table.head())
    show("Levels over the coming days", gf.flip_path(book, [0, 1, 2, 4, 7, 14]).table)

    print("\nGamma at spot by days ahead (down) and volatility (across), m per +1 %:")
    cube = gf.sweep(book, [book.spot], days=[0, 1, 2, 4, 7], vol_shifts=[0, 0.05, 0.10])
    print((cube.table["gamma"].unstack("vol_shift") / 1e6).droplevel("spot").round(1).to_string())

    print("\nGamma of the five largest strikes after a 5 % fall, then and now, m per +1 %:")
    strikes = gf.sweep_spot(book, [0.95 * book.spot, book.spot]).by("strike") / 1e6
    strikes.index = pd.Index(["5 % lower", "now"], name="")
    heaviest = strikes.loc["5 % lower"].abs().nlargest(5).index
    print(strikes[heaviest].T.sort_index().round(1).to_string())

    print("\nSpot down 5 %, vol up 10 points, one day later: dealers' hedge trades, in m:")
    flow = gf.hedge_flow(book, spot=0.95 * book.spot, days=1.0, vol_shift=0.10)
    print((flow.table / 1e6).round(1).to_string())

    gf.flow_around_spot(book).plot()[0].figure.savefig("profile_flow.png", dpi=120)
    print("\nwritten: profile_flow.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
