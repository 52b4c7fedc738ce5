"""One made-up chain in the forms of the vendors that presets read; writes the samples of the documentation.

Run it to write them again: PYTHONPATH=tests python -m support.preset_samples
No number is a market quote. Fields that presets do not read are there where a reader may stumble over them:
names that mean something else, blanks, numbers that stand for nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.preset_json import (
    alpaca,
    alpaca_contracts,
    orats,
    polygon,
    schwab,
    tastytrade,
    tastytrade_events,
    tradier,
)
from support.preset_options import ASOF, RATE, Option, index_options, options
from support.preset_tables import (
    databento,
    databento_interest,
    databento_quotes,
    dolthub,
    ibkr,
    open_interest,
    optionmetrics,
    thetadata,
    thetadata_interest,
    thetadata_v2,
)

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "samples"

__all__ = ["ASOF", "FILES", "FOLDER", "RATE", "index_options", "options", "texts"]


def json_text(value: Any) -> str:
    """JSON, a line for each row."""
    return json.dumps(value, indent=None, separators=(",", ":")).replace("},{", "},\n{") + "\n"


def csv_text(rows: list[dict[str, Any]]) -> str:
    """A table with the fields of the first row in front."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


#: Files by name: how their content is made, and written.
FILES: dict[str, tuple[Callable[[list[Option]], Any], Callable[[Any], str]]] = {
    "alpaca.json": (alpaca, json_text),
    "alpaca_contracts.json": (alpaca_contracts, json_text),
    "databento_definition.csv": (databento, csv_text),
    "databento_quotes.csv": (databento_quotes, csv_text),
    "databento_statistics.csv": (databento_interest, csv_text),
    "dolthub.csv": (dolthub, csv_text),
    "ibkr.csv": (ibkr, csv_text),
    "open_interest.csv": (open_interest, csv_text),
    "optionmetrics.csv": (optionmetrics, csv_text),
    "orats.json": (orats, json_text),
    "polygon.json": (polygon, json_text),
    "schwab.json": (schwab, json_text),
    "tastytrade.json": (tastytrade, json_text),
    "tastytrade_events.csv": (tastytrade_events, csv_text),
    "thetadata.csv": (thetadata, csv_text),
    "thetadata_open_interest.csv": (thetadata_interest, csv_text),
    "thetadata_v2.csv": (thetadata_v2, csv_text),
    "tradier.json": (tradier, json_text),
}


def texts() -> dict[str, str]:
    """The samples' contents by file name."""
    found = options()
    return {name: write(make(found)) for name, (make, write) in FILES.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
