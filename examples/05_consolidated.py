"""One market, three venues: BTC options, IBIT options and structured notes in one profile."""

import matplotlib.pyplot as plt
import pandas as pd

import gammaflow as gf
from gammaflow import note_maps, venues
from gammaflow.exposure import exercise

# Made up: the volatility of all notes, and the depth of the market per 1 %.
RATE, NOTE_VOLATILITY, DEPTH = 0.036, 0.56, 300e6
NIGHT, DAY = "2026-02-07T03:00Z", "2026-02-06T15:00Z"


def show(title: str, table: pd.DataFrame, digits: int = 1) -> None:
    print(f"\n{title}:")
    print(table.to_string(float_format=f"{{:,.{digits}f}}".format))


def notes_on_the_fund() -> gf.Book:
    chain = gf.demo_chain(symbol="IBIT")
    return gf.book_notes(gf.demo_notes(), spot=chain.spot, asof=chain.asof, sigma=NOTE_VOLATILITY, rate=RATE)


def consolidated() -> gf.Book:
    """Deribit, IBIT and the notes, all in dollars per BTC; none of it is market data."""
    coins = gf.assign_positions(gf.demo_chain(), venue="Deribit")
    fund = gf.assign_positions(gf.demo_chain(symbol="IBIT"), venue="IBIT")
    return coins + (fund + notes_on_the_fund()).in_units_of("BTC", venues.IBIT, spot=coins.spot)


def levels_of(books: dict[str, gf.Book]) -> pd.DataFrame:
    """Gamma at spot, the nearest zero gamma, the trough and its core, by book."""
    rows = {}
    for name, book in books.items():
        levels = gf.sweep_spot(book).levels()
        zone = levels.zone
        rows[name] = {
            "gamma, USD m per 1 %": levels.gamma / 1e6,
            "zero gamma": levels.nearest_flip and levels.nearest_flip.spot,
            "trough": zone.trough.spot if zone else None,
            "core from": zone.core[0] if zone else None,
            "core to": zone.core[1] if zone else None,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def main() -> None:
    book = consolidated()
    print(book)

    profile = gf.sweep_spot(book)
    by_venue = gf.aggregate_exposure(book).by("venue")[["delta", "gamma", "vanna", "charm"]] / 1e6
    show("By venue, USD m", by_venue.assign(rows=pd.Series(book["venue"]).value_counts()))

    parts = {venue: book.select(book["venue"] == venue) for venue in ("Deribit", "IBIT", "notes")}
    coin = parts["Deribit"].kept_in("coin")
    show("Levels", levels_of({**parts, "all": book, "Deribit in coin": coin}), 0)

    early = exercise.compare_exercise(parts["IBIT"], measures=["gamma"]).table
    early[["gamma_european", "gamma_american", "gamma_difference"]] /= 1e6
    show("Early exercise in IBIT, gamma in USD m per 1 %", early.drop(columns="unsupported"), 2)

    here = profile.table["gamma"].loc[book.spot] / 1e6
    for moment in (DAY, NIGHT):
        open_ = book.select(venues.can_hedge(book, moment))
        gamma = gf.aggregate_exposure(open_).total()["gamma"] / 1e6
        print(f"{moment}: dealers of {gamma:,.0f} of {here:,.0f} USD m per 1 % can hedge where they trade")

    shares = notes_on_the_fund()
    barriers = note_maps.barrier_map(shares, per_unit=venues.IBIT).table
    barriers[["notional", "trade"]] /= 1e6
    show(
        "Barriers of the notes, notional and trade in USD m, + = dealers buy", barriers.drop(columns="shares")
    )
    show(
        "Hedge sales for 530m of notes at one barrier, USD m",
        note_maps.knock_in_sales().table / [1, 1e6, 1e6, 1],
        2,
    )

    flow = gf.hedge_flow(book, spot=0.9 * book.spot)
    print(f"\n{flow}")
    print(f"that alone moves spot by {flow.against(depth=DEPTH)['percent_of_spot']['total']:.1f} %")

    figure, (top, bottom) = plt.subplots(2, 1, figsize=(11, 8), layout="constrained", height_ratios=[2, 1])
    profile.plot_stack("venue", ax=top)
    gf.sweep_spot(parts["notes"], profile.spots).plot(ax=bottom)
    bottom.set_title("the notes alone", loc="left")
    figure.savefig("venues.png", dpi=120)
    print("\nwritten: venues.png")


if __name__ == "__main__":
    main()
