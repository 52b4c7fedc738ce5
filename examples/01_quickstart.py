"""The full analysis of the built-in synthetic chain: levels, the strikes behind them, a page."""

import sys

import gammaflow as gf


def main(page: str = "quickstart.html") -> None:
    chain = gf.demo_chain()
    report = gf.analyze(chain, rule="calls_long_puts_short")
    print(report.levels)

    print("\nGamma by strike, USD m per +1 % spot, the five most negative:")
    print((report.exposure.by("strike")["gamma"] / 1e6).nsmallest(5).round(1).to_string())

    print("\nThe same book a day later and five vol points higher:")
    later = gf.sweep_spot(report.book, days=1.0, vol_shift=0.05)
    print(gf.find_levels(later).flips)

    print(f"\nwritten: {report.to_html(page)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
