"""The scorecard: every claim of the story with its number in the record, and the verdict that follows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd

from gammaflow.errors import ReaderError
from gammaflow.output import write_text
from gammaflow.plot.page import Card, Drawing, Entry, Panel, render_page, write_page
from gammaflow.plot.ratios import ratios_drawing
from gammaflow.plot.tables import literal, markdown_table
from gammaflow.studies.event.claim import UNKNOWN, VERDICTS, Claim
from gammaflow.studies.event.records import FILES, Records
from gammaflow.study import Study
from gammaflow.text import rows_text

__all__ = ["Scorecard", "scorecard"]

_TITLE = "5 February 2026: the story against the record"
_COLUMNS = ("claim", "quantity", "article", "record", "model", "verdict", "reason")
_WIDTH = 100
_RULE = (
    "confirm: every value that the record allows is one that the claim says; contradict: none is; cannot "
    "tell: some are, or no record has the number. A lower bound, or a record without a clock, allows a range."
)
_RATIOS = (
    "Claims that name a number: a bar spans what the record allows over that number, the grey band what the "
    "claim says. Blue: confirmed; orange: contradicted; grey: cannot be told. Arrows: further, or unbounded."
)


@dataclass(frozen=True, eq=False, repr=False)
class Scorecard(Study):
    """Claims about 4 to 6 February 2026 held against public records; see `scorecard`.

    Attributes
    ----------
    table : DataFrame
        One row of text per claim, by its key: claim, quantity, article (its number), record (file, clock and
        number), model (what the claim needs to hold), verdict ("confirm", "contradict" or "cannot tell") and
        reason.
    claims : tuple of Claim
        The claims with their numbers; each verdict follows from `Claim.found` and `Claim.said`.

    See Also
    --------
    scorecard

    Examples
    --------
    >>> import gammaflow as gf
    >>> card = gf.studies.event.scorecard("path/to/records")  # doctest: +SKIP
    >>> card.table[["quantity", "verdict"]], card.numbers  # doctest: +SKIP
    """

    claims: tuple[Claim, ...]

    @property
    def numbers(self) -> pd.DataFrame:
        """Ranges behind each verdict: found_low, found_high, said_low, said_high, in the claim's unit."""
        rows = {c.key: (*c.found, *c.said) for c in self.claims}
        columns = ["found_low", "found_high", "said_low", "said_high"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("key")

    @property
    def counts(self) -> pd.DataFrame:
        """Number of claims by subject and verdict."""
        subjects = list(dict.fromkeys(c.subject for c in self.claims))
        pairs = [(c.subject, c.verdict) for c in self.claims]
        rows = [[pairs.count((subject, verdict)) for verdict in VERDICTS] for subject in subjects]
        return pd.DataFrame(rows, pd.Index(subjects, name="subject"), list(VERDICTS))

    @property
    def ratios(self) -> pd.DataFrame:
        """Ranges over the number that a claim names, 1 = as claimed, and the verdict; by claim in words.

        The number is the middle of what the claim says, or its one end ("at least 10"). Claims of a
        direction ("fell"), and those of which no record has the number, have no row; infinite where nothing
        bounds an end.
        """
        rows: dict[str, dict[str, Any]] = {}
        for claim in self.claims:
            ends = [end for end in claim.said if isfinite(end)]
            number = sum(ends) / len(ends)
            if claim.found == UNKNOWN or abs(number) < 1e-9:
                continue
            found, said = (sorted(end / number for end in each) for each in (claim.found, claim.said))
            rows[claim.claim] = {
                "found_low": found[0], "found_high": found[1], "said_low": said[0], "said_high": said[1],
                "verdict": claim.verdict,
            }  # fmt: skip
        columns = ["found_low", "found_high", "said_low", "said_high", "verdict"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("claim")

    def brief(self) -> pd.DataFrame:
        """Verdict and number of each claim, narrow enough for a terminal."""
        texts = {
            "verdict": [c.verdict for c in self.claims],
            "record": [c.found.text(c.form) for c in self.claims],
            "claim": [c.said.text(c.form) for c in self.claims],
        }
        return pd.DataFrame(texts, self.table.index)

    def summary(self) -> str:
        """Every claim with its verdict and reason as text of at most 100 columns."""
        lines = [part for line in self.heading for part in wrap(line, _WIDTH)]
        subject = ""
        for claim in self.claims:
            if claim.subject != subject:
                subject = claim.subject
                lines += ["", subject]
            lines += wrap(
                f"{claim.verdict.upper()}: {claim.claim}",
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
            )
            for text in (f"{claim.quantity}: {claim.reason}", claim.record):
                lines += wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
        return "\n".join(lines)

    def plot(self, *, ax: Any = None) -> Any:
        """Claims by subject and verdict as stacked bars (matplotlib Axes)."""
        from gammaflow.plot.verdicts import plot_verdicts

        return plot_verdicts(self.counts, _TITLE, ax=ax)

    def plot_ratios(self, *, ax: Any = None) -> Any:
        """Number of the record over the number claimed, a bar per claim that names one (matplotlib Axes)."""
        from gammaflow.plot.ratios import plot_ratios

        return plot_ratios(self.ratios, _TITLE, ax=ax)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The scorecard as GitHub markdown, a table per subject; written to `path` in one step, if given."""
        blocks = [f"# {_TITLE}", *map(literal, self.heading[1:]), literal(_RULE)]
        for subject, claims in self._by_subject().items():
            rows = [_row(claim) for claim in claims]
            blocks += [f"## {subject.capitalize()}", markdown_table(pd.DataFrame(rows))]
        return write_text("\n\n".join(blocks) + "\n", path)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """The scorecard as a page of one file, which needs no network; returns its path."""
        total = self.counts.sum()
        sides = {"confirm": "long", "contradict": "short", "cannot tell": ""}
        page = render_page(
            _TITLE,
            lead=self.lines[1:2],
            facts=[("rule", _RULE), *(("record", line) for line in self.lines[2:])],
            banners=self.warnings,
            cards=[
                Card(v, str(total[v]), f"of {rows_text(len(self.claims), 'claim')}", sides[v])
                for v in VERDICTS
            ],
            figures=(),
            tables=[
                Panel("Claimed and recorded", _RATIOS, Drawing(ratios_drawing(self.ratios))),
                *(Panel(s.capitalize(), "", tuple(map(_entry, c))) for s, c in self._by_subject().items()),
            ],
            marks={"confirm": "long", "contradict": "short", "cannot tell": "open"},
        )
        return write_page(page, Path(path))

    def _by_subject(self) -> Mapping[str, list[Claim]]:
        """Claims by subject, in the order of the page."""
        found: dict[str, list[Claim]] = {}
        for claim in self.claims:
            found.setdefault(claim.subject, []).append(claim)
        return found


def _numbers(claim: Claim) -> dict[str, str]:
    """The number of the record, and that of the claim in its own words and as a range."""
    said = claim.said.text(claim.form)
    both = f"{claim.article}; {said}" if "(" in claim.article else f"{claim.article} ({said})"
    words = claim.article if claim.article == said else both
    return {"number": claim.quantity, "record": claim.found.text(claim.form), "claim": words}


def _row(claim: Claim) -> dict[str, str]:
    """One row of the markdown table."""
    numbers = _numbers(claim)
    return {
        "verdict": claim.verdict,
        "claim": claim.claim,
        "number": numbers["number"],
        "record": numbers["record"],
        "as claimed": numbers["claim"],
        "reason": claim.why,
        "source": claim.where,
        "model": claim.model,
    }


def _entry(claim: Claim) -> Entry:
    """One claim of the page."""
    below = [("Source", claim.where), *([("Model", claim.model)] if claim.model else [])]
    return Entry(claim.verdict, claim.claim, list(_numbers(claim).items()), claim.why, below)


def scorecard(folder: str | os.PathLike[str]) -> Scorecard:
    """The claims about 4 to 6 February 2026, each with the record's number and the verdict that follows.

    Parameters
    ----------
    folder : path
        Root of the records, with the folders `event`, `btc_market` and `deribit`. A claim whose file is
        missing there ends in "cannot tell", with the file named; so does one whose record is too short, with
        the reason.

    Returns
    -------
    Scorecard

    Raises
    ------
    SchemaError
        Where `folder` is no folder, or has none of the files.
    ReaderError
        Where files are there and cannot be read; every one of them is named.

    See Also
    --------
    fit_event

    Notes
    -----
    The claims are those of a widely read article on the fall, with figures that others published beside it
    where the text says so. A verdict follows by one rule from two ranges: the record's number (one value, a
    bound, or as many values as a record without a clock allows) and the claim's (its figure within the
    rounding of its digits, "twice" and "ten times" within a tenth, or a direction).

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.studies.event.scorecard(42)
    Traceback (most recent call last):
        ...
    gammaflow.errors.SchemaError: folder: received 42; legal: the path of a folder of records.
    """
    from gammaflow.studies.event.claims import CLAIMS  # with every meter, which an import need not wait for

    records = Records(folder)
    claims, broken = [], {}
    for claim in CLAIMS:
        try:
            claims.append(claim(records))
        except ReaderError as error:
            broken[str(error)] = error
    if broken:
        raise ReaderError(
            "\n".join(
                [
                    f"{rows_text(len(broken), 'file')} of the records not accepted:",
                    *broken,
                    "Correct each, or take it out: its claims then end in 'cannot tell'.",
                ]
            )
        )
    table = pd.DataFrame(
        {name: [getattr(claim, name) for claim in claims] for name in _COLUMNS},
        pd.Index([claim.key for claim in claims], name="key"),
    )
    verdicts = table["verdict"].value_counts()
    absent = [record.path for name, record in FILES.items() if name not in records.present]
    lines = (
        f"Scorecard: {_TITLE}",
        ", ".join(f"{verdicts.get(verdict, 0)} {verdict}" for verdict in VERDICTS),
        f"{len(records.present)} of {len(FILES)} files of the records are there"
        + (f"; missing: {', '.join(absent)}" if absent else ""),
    )
    return Scorecard(table, lines, claims=tuple(claims))
