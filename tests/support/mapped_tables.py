"""Tables of no known vendor, and maps of their columns."""

SAMPLE = """\
Ticker,Option Symbol,Last Px,IV,OI,Quote Time,Underlying
^SPX,SPX   260220C06900000,10.5,15.2%,"1,200",02/05/2026 15:45,6900
^SPX,SPXW260206P06800000,4.2,16.8,800,02/05/2026 15:45,6900
^SPX,SPX260320P06500000,,21.35 %,,02/05/2026 15:45,6900
SPY,SPY260220P00680000,3.1,17.5,500,02/05/2026 15:45,690
SPY,SPY1260220P00680000,3.1,17.5,500,02/05/2026 15:45,690
"""
MAP = """\
timezone = "America/New_York"

[columns]
contract = "Option Symbol"
symbol = "Ticker"
last = "Last Px"
iv = "IV"
open_interest = "OI"
asof = "Quote Time"
spot = "Underlying"

[units]
iv = "percent"

[formats]
asof = "%m/%d/%Y %H:%M"
"""

PLAIN = """\
K;cp;maturity;oi;vol
22.5;P;20/03/2026;40;0.30
25;c;20/03/2026;60;0.28
"""


def terms(**changes):
    """A map of `PLAIN`."""
    found = {
        "columns": {"strike": "K", "kind": "cp", "expiry": "maturity", "open_interest": "oi", "iv": "vol"},
        "formats": {"expiry": "%d/%m/%Y"}, "symbol": "XYZ", "spot": 23.1, "multiplier": 100,
        "asof": "2026-02-05T15:00:00-05:00", "settlement": "PM",
    }  # fmt: skip
    return {key: value for key, value in (found | changes).items() if value is not None}
