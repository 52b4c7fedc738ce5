"""Clicks on the desk page in Chromium, and the numbers that it shows and that its rows make."""

from __future__ import annotations

import numpy as np

from support.desk_models import hand_model

MODEL = hand_model()
DAYS = np.array([expiry["days"] for expiry in MODEL["expiries"]])
CHOSEN = {
    "all": [0, 1, 2, 3, 4, 5], "next": [0], "later": [1, 2, 3, 4, 5], "week": [0, 1], "monthly": [0, 4],
}  # fmt: skip


def click(page, control, value):
    page.click(f'#controls button[data-control="{control}"][data-value="{value}"]')


def number(page, name):
    return page.text_content(f'#numbers [data-number="{name}"] b')


def money(x, signed=False):
    """An amount as the page writes it, written another way."""
    power = max(p for p in (0, 3, 6, 9, 12) if abs(x) >= 10**p or p == 0)
    size = abs(x) / 10**power
    digits = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2
    sign = "-" if x < 0 else "+" if signed and x > 0 else ""
    return f"{sign}${size:,.{digits}f}{ {0: '', 3: 'k', 6: 'm', 9: 'bn', 12: 'tn'}[power] }"


def sums(measure, rule, selection, strike=None):
    """Sums of a column by side, over the expiries of a selection, row by row."""
    table, found = MODEL["strikes"][rule], {"call": 0.0, "put": 0.0}
    for row in zip(table["strike"], table["expiry"], table["side"], table[measure], strict=True):
        if row[1] in CHOSEN[selection] and strike in (None, row[0]):
            found[row[2]] += row[3]
    return found
