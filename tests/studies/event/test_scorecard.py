"""Scorecard of a made-up record: verdicts, counts, text, pages and the picture."""

import re

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.studies.event import scorecard
from gammaflow.studies.event.claims import CLAIMS
from support.made_up_event import files, write


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return scorecard(write(tmp_path_factory.mktemp("records"), files()))


def test_every_claim_has_a_verdict(card):
    """The made-up record decides some claims, and the others name what is missing."""
    assert len(card.table) == len(CLAIMS) >= 18
    unknown = card.table[np.isinf(card.numbers["found_low"]) & np.isinf(card.numbers["found_high"])]
    assert (unknown["verdict"] == "cannot tell").all()
    assert (
        unknown["record"]
        .str.contains("missing file: |has no row of|fewer than|not enough in the record")
        .all()
    )
    assert (
        card.table.loc["zone", "record"]
        == "missing file: deribit/deribit_options_snapshot_20260204T213308Z.csv"
    )
    assert set(card.table["verdict"]) == {"confirm", "contradict", "cannot tell"}


def test_numbers_and_counts(card):
    numbers, counts = card.numbers, card.counts
    assert list(numbers) == ["found_low", "found_high", "said_low", "said_high"]
    for key, (low, high, least, most) in numbers.iterrows():
        inside, apart = least <= low and high <= most, high < least or most < low
        assert card.table.loc[key, "verdict"] == (
            "confirm" if inside else "contradict" if apart else "cannot tell"
        )
    assert counts.sum().to_dict() == card.table["verdict"].value_counts().to_dict()
    assert counts.to_numpy().sum() == len(CLAIMS)


def test_summary_is_narrow(card):
    text = card.summary()
    assert max(map(len, text.splitlines())) <= 100
    for claim in card.claims:
        assert f"{claim.verdict.upper()}: {claim.claim[:40]}" in text
    assert list(card.brief()) == ["verdict", "record", "claim"]
    assert max(map(len, card.brief().to_string().splitlines())) <= 100
    assert repr(card) == text


def test_markdown(card, tmp_path):
    text = card.to_markdown(tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == text == card.to_markdown()
    rows = [line for line in text.splitlines() if re.match(r"\| (?!verdict \||---)", line)]
    assert len(rows) == len(CLAIMS)
    assert all(row.count(" | ") == 7 for row in rows)
    for row, claim in zip(rows, card.claims, strict=True):
        cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
        assert cells[:2] == [claim.verdict, claim.claim]
        assert cells[3] == claim.found.text(claim.form)
    assert text.count("\n## ") == len(card.counts)


def test_page(card, tmp_path):
    path = card.to_html(tmp_path / "card.html")
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', text)  # nothing is fetched
    looks = {"confirm": "long", "contradict": "short", "cannot tell": "open"}
    for verdict_, look in looks.items():
        marked = text.count(f'<p class="mark {look}">{verdict_}</p><h3>')
        assert marked == (card.table["verdict"] == verdict_).sum()
    assert text.count("<li>") == len(CLAIMS)  # every claim shows: no table of which a part scrolls
    assert "<table>" not in text
    assert text.count("<section>") == len(card.counts) + 2  # conditions and the chart first
    assert text.count("<svg") == 1
    drawn = text[text.index("<svg") : text.index("</svg>")]
    assert drawn.count("<rect") == 2 * len(card.ratios)
    assert len(text) < 100_000  # without figures there is no plotting library in it
    assert "<noscript>" not in text


def test_page_refuses_a_folder(card, tmp_path):
    with pytest.raises(gf.SchemaError, match=r"path: received .*is a folder"):
        card.to_html(tmp_path)


def test_picture(card):
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = card.plot()
    widths = {c.get_label(): [bar.get_width() for bar in c] for c in ax.containers}
    assert widths == {name: card.counts[name].tolist() for name in card.counts}
    assert [label.get_text() for label in ax.get_yticklabels()] == list(card.counts.index)
    numbers = [int(text.get_text()) for text in ax.texts]
    assert sum(numbers) == len(CLAIMS)
    plt.close(ax.figure)


def test_ratios(card):
    """Over the middle of a claim, or its one end; no row for a direction or an unknown number."""
    claims = {claim.claim: claim for claim in card.claims}
    expected = set()
    for text, claim in claims.items():
        low, high = claim.said
        number = high if np.isinf(low) else low if np.isinf(high) else (low + high) / 2.0
        if abs(number) > 1e-9 and not np.isinf(claim.found).all():
            expected.add(text)
            row = card.ratios.loc[text]
            ends = sorted([claim.found.low / number, claim.found.high / number])
            assert row[["found_low", "found_high"]].tolist() == pytest.approx(ends)
            assert row["said_low"] <= 1.0 + 1e-12
            assert row["said_high"] >= 1.0 - 1e-12
            assert row["verdict"] == claim.verdict
    assert set(card.ratios.index) == expected
    assert "The fund fell 13.2 % on 5 February" in expected
    assert "Open interest fell in dollars" not in expected


def test_picture_of_ratios(card):
    """A grey band and a bar per claim within the axis, an arrow where a bar goes on."""
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = card.plot_ratios()
    assert ax.get_yticklabels()[0].get_text().startswith("The fund fell 13.2")
    bars = {c.get_label(): list(c) for c in ax.containers}
    assert len(bars.pop("as claimed")) == len(card.ratios)
    assert {name: len(some) for name, some in bars.items()} == card.ratios["verdict"].value_counts().to_dict()
    for verdict, some in bars.items():
        rows = card.ratios[card.ratios["verdict"] == verdict]
        for bar, (_, row) in zip(some, rows.iterrows(), strict=True):
            wide = min(row["found_high"], 3.0) - max(row["found_low"], -1.5)
            assert bar.get_width() == pytest.approx(max(wide, 0.04))
    arrows = sum(len(points.get_offsets()) for points in ax.collections)
    assert arrows == (card.ratios["found_low"] < -1.5).sum() + (card.ratios["found_high"] > 3.0).sum()
    plt.close(ax.figure)


def test_page_says_each_number_once(card, tmp_path):
    """Verdict, claim, number, record and claimed number, then the reason and the source without them."""
    text = card.to_html(tmp_path / "card.html").read_text(encoding="utf-8")
    item = re.search(r"<li>(?:(?!</li>).)*The fund fell 13.2 % on 5 February.*?</li>", text)[0]
    texts = re.findall(r">([^<>]+)<", item)
    assert texts == [
        "confirm", "The fund fell 13.2 % on 5 February", "number", "IBIT close to close [%]",
        "record", "-13.16 %", "claim", "-13.2 % (-13.25 % to -13.15 %)", "Within what the claim says.",
        "Source: event/daily_IBIT.csv (16:00 New York): 41.57 to 36.10",
        "Model: log return -0.1411; the way back takes +15.2%",
    ]  # fmt: skip


def test_reason_without_numbers(card):
    """Texts beside the numbers: the same note and, for the record, its file without the number."""
    for claim in card.claims:
        assert claim.why.endswith(claim.note)
        assert claim.reason.endswith(claim.note)
        assert claim.where in claim.record
        if claim.verdict != "cannot tell":
            assert f"{claim.found.text(claim.form)}; {claim.where}" == claim.record
