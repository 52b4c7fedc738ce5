"""Knock-in: puts embedded in notes, whose delta exceeds 1 near the barrier, and their effect on a book."""

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow import barrier
from gammaflow.studies import barrier_books, barriers

PUT = {"kind": "down-in", "flag": "p", "K": 100.0, "H": 60.0, "r": 0.04, "sigma": 0.2, "q": 0.01}
TIMES = {
    "3 years": 3.0,
    "1 year": 1.0,
    "3 months": 0.25,
    "21 days": 21 / 365,
    "1 day": 1 / 365,
    "1 hour": 1 / 8760,
}

# Barriers reported for the event, in dollars per IBIT share and, by BTC per share, per BTC. The first had
# been hit by the evening of the demo chain. Face value, strikes and dates below are made up, as is the depth.
COINS_PER_SHARE = 0.00056712
SHARE_BARRIERS = [43.6, 39.0, 38.0]
FACE, SHARE_OF_STRIKE, VOLATILITY = 500e6, 0.70, 0.56
DEPTH = 300e6


def show(title: str, table: pd.DataFrame, digits: int = 2) -> None:
    print(f"\n{title}:")
    print(table.to_string(float_format=f"{{:,.{digits}f}}".format))


def greeks_of_one() -> pd.DataFrame:
    spots = pd.Index([100.0, 80.0, 65.0, 60.01, 59.99], name="spot")
    found = barrier.greeks(S=spots.to_numpy(), t=0.25, **PUT)
    return pd.DataFrame({name: found[name] for name in ("price", "delta", "gamma", "vega", "theta")}, spots)


def steepest() -> pd.DataFrame:
    """Largest |delta| around the barrier, by time to expiry and by monitoring."""
    spots = 60.0 * np.append(1.0 + 1e-12, np.linspace(0.95, 1.1, 301))

    def largest(years, monitoring):
        return np.abs(
            barrier.greeks(S=spots, t=years, which="delta", monitoring=monitoring, **PUT).delta
        ).max()

    rows = {
        name: {
            "continuous": largest(years, "continuous"),
            "daily": largest(years, max(1, round(252 * years))),
            "at maturity": largest(years, "maturity"),
        }
        for name, years in TIMES.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def at_the_barrier() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Jump and |delta| at a barrier of 70 % of the strike, r = q = 0."""
    names = ["2 years", "1 year", "6 months", "3 months", "1 month", "1 week"]
    years, vols = np.array([2.0, 1.0, 0.5, 0.25, 1 / 12, 1 / 52]), np.array([0.45, 0.60, 0.90])
    found = barrier.delta_excess("down-in", "p", 1.0, 0.7, years[:, None], 0.0, vols)
    columns = pd.Index([f"{100 * v:g} %" for v in vols], name="volatility")
    return pd.DataFrame(found.jump, names, columns), pd.DataFrame(np.abs(found.edge), names, columns)


def thresholds(sigma: float) -> pd.DataFrame:
    """sigma sqrt(t) below which |delta| exceeds 1, and the months left at one vol."""
    ratios = pd.Index([0.5, 0.6, 0.7, 0.75, 0.8], name="barrier / strike")
    below = {m: [barrier.excess_threshold("down-in", "p", h, monitoring=m) for h in ratios]
             for m in ("continuous", "maturity")}  # fmt: skip
    table = pd.DataFrame(below, ratios)
    return table.assign(months=12 * (table["continuous"] / sigma) ** 2)


def notes(chain: gf.Chain, days: float, at_maturity: bool = False) -> gf.Book:
    """The puts that dealers are long through the notes: face / strike units, with strike = barrier / 0.7."""
    levels = np.array(SHARE_BARRIERS) / COINS_PER_SHARE
    strikes = levels / SHARE_OF_STRIKE
    alive = levels < chain.spot
    rows = pd.DataFrame(
        {
            "contract": [f"note with barrier {level:,.0f}" for level in levels],
            "venue": "notes",
            "expiry": chain.asof + pd.Timedelta(days, "D"),
            "strike": strikes,
            "kind": np.where(alive, "down-in put", "put"),
            "position": FACE / len(levels) / strikes,
            "multiplier": 1.0,
            "sigma": VOLATILITY,
            "rate": 0.04,
            "dividend_yield": 0.0,
            "barrier": np.where(alive, levels, np.nan),
            "monitoring_dates": np.where(alive & at_maturity, 1.0, np.nan),
        }
    )
    return gf.Book(rows, chain.symbol, chain.spot, chain.asof, rule="made up: dealers long the puts of notes")


def sold_against_vega(held: gf.Book) -> gf.Book:
    """Puts struck at the barriers, sold in such numbers that each note and its put together have no vega."""
    frame = held.to_frame()
    frame["contract"] = "put against " + frame["contract"]
    frame["strike"] = frame["barrier"].fillna(frame["strike"] * SHARE_OF_STRIKE)
    frame = frame.assign(kind="put", barrier=np.nan, monitoring_dates=np.nan, position=-1.0)
    one = gf.Book(frame, held.symbol, held.spot, held.asof)
    vega, vega_of_one = (gf.aggregate_exposure(book).rows["vega"] for book in (held, one))
    return gf.Book(
        frame.assign(position=vega / vega_of_one), held.symbol, held.spot, held.asof, rule="against vega"
    )


def compare(listed: gf.Book, books: dict[str, gf.Book]) -> pd.DataFrame:
    """Exposure, levels and hedge flow of the listed options alone and with each book of notes, in m."""
    rows = {}
    for name, book in {"listed alone": listed, **{n: listed + b for n, b in books.items()}}.items():
        profile = gf.sweep_spot(book)
        levels = profile.levels()
        rows[name] = {
            "gamma": gf.aggregate_exposure(book).total()["gamma"] / 1e6,
            "zero gamma": levels.nearest_flip.spot,
            "to 69,000": gf.hedge_flow(book, spot=69_000).total / 1e6,
            "to 66,500": gf.hedge_flow(book, spot=66_500).total / 1e6,
            "at barriers": barrier_books.barrier_trades(profile).sum() / 1e6,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def main() -> None:
    show("A down-and-in put, strike 100, barrier 60, 3 months, 20 %", greeks_of_one(), 3)
    show("Largest |delta| around its barrier", steepest())

    jump, edge = at_the_barrier()
    show("Barrier at 70 % of the strike: |delta| just before it is hit", edge)
    show("... and the hedger's sale when it is hit, in units per option", jump, 3)
    show(f"|delta| passes 1 below sigma sqrt(t); months at {100 * VOLATILITY:g} %", thresholds(VOLATILITY), 3)
    far = barrier.delta_excess("down-in", "p", 1.0, 0.7, 1.75, 0.0, np.array([0.56, 0.90])).edge
    print(f"1.75 years left: |delta| {abs(far[0]):.2f} at 56 %, {abs(far[1]):.2f} at 90 %; it is not above 1")

    chain = gf.demo_chain()
    listed = gf.assign_positions(chain)
    near = notes(chain, 28)
    books = {
        "+ notes due in 1.75 years": notes(chain, 639),
        "+ notes due in 28 days": near,
        "  and puts sold, no vega": near + sold_against_vega(near),
        "  observed at maturity only": notes(chain, 28, at_maturity=True),
    }
    levels = ", ".join(f"{price / COINS_PER_SHARE:,.0f}" for price in SHARE_BARRIERS)
    print(f"\nSpot {chain.spot:,.0f}; barriers {levels}, the first already hit")
    title = f"The demo chain and USD {FACE / 1e6:,.0f} m of notes, made up; USD m, + = dealers buy"
    show(title, compare(listed, books), 0)

    held = near.to_frame().dropna(subset="barrier")
    strike, level, units = (held[name].to_numpy() for name in ("strike", "barrier", "position"))
    jump = barrier.knock_in_jump("down-in", "p", strike, level, 28 / 365, 0.04, VOLATILITY)
    shifted = barrier.barrier_shift(level, jump, units, 0.01 / DEPTH)
    columns = {"jump": jump, "sold, USD m": jump * units * level / 1e6, "shifted to": shifted}
    title = f"Hit now, and the barrier shifted by the impact of the sale at USD {DEPTH / 1e6:,.0f} m per 1 %"
    show(title, pd.DataFrame(columns, pd.Index([f"{h:,.0f}" for h in level], name="barrier")))

    barriers.cliff(**PUT).plot(currency="USD").figure.savefig("knock_in.png", dpi=120)
    print("\nwritten: knock_in.png")


if __name__ == "__main__":
    main()
