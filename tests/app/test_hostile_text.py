"""A chain whose every text is hostile: markup, control sequences, paths and formulas stay text everywhere."""

import io
import re
from dataclasses import replace

import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.app import cli

TITLE, LINK, BACK = "\x1b]0;owned\x07", "\x1b]8;;http://x\x07", "\u202e"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture(scope="module")
def hostile():
    frame = gf.demo_chain().to_frame().iloc[:60].copy()
    frame["contract"] = [
        f"{('[/nope]', '[bold]x[/bold]', '=HYPERLINK(1)', TITLE)[i % 4]}{i}{LINK}<b>|`$x$" for i in range(60)
    ]
    frame["root"] = f"[/nope]{BACK}"
    return gf.chain_from_frame(
        frame, symbol=f"../elsewhere/[/nope]{TITLE}", spot=71_470.0, asof="2026-02-05T09:36Z",
        currency="[blink]$x$", vendor=f"=1+1{LINK}",
    )  # fmt: skip


@pytest.fixture
def quotes(hostile, tmp_path):
    path = tmp_path / "in" / "quotes.csv"
    path.parent.mkdir()
    hostile.to_frame(facts=True).to_csv(path, index=False)
    return path


def test_text_is_shown_with_its_escapes(hostile):
    assert hostile.symbol == r"../elsewhere/[/nope]\x1b]0;owned\x07"
    assert hostile["contract"][3].startswith(r"\x1b]0;owned\x07")
    report = gf.analyze(hostile)
    shown = (hostile, report, report.levels, report.exposure, report.profile)
    for text in (*map(repr, shown), report.to_markdown()):
        assert not CONTROL.search(text)
    with pytest.raises(gf.SchemaError, match=r"^spots: received") as error:
        report.profile.at([-1.0])
    assert not CONTROL.search(str(error.value))


ARGS = [
    ("levels",),
    ("exposure", "--by", "contract"),
    ("profile",),
    ("exposure", "--json"),
    ("levels", "--rule", "all"),
]


@pytest.mark.parametrize("args", ARGS)
def test_consoles_show_text_as_text(run, quotes, args):
    code, out, err = run(args[0], quotes, *args[1:])
    assert code == 0, err
    assert not CONTROL.search(out + err)
    assert "[/nope]" in out.replace("\n", "")
    if "contract" in args:
        assert "[bold]x[/bold]" in out


def test_files_stay_in_the_folder_and_calculate_nothing(run, quotes, tmp_path, monkeypatch):
    monkeypatch.chdir(quotes.parent)
    assert run("report", quotes)[0] == 0
    assert run("exposure", quotes, "--by", "contract", "--out", "t.csv")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    (page,) = quotes.parent.glob("*.html")
    assert page.name == "elsewhere_nope_x1b_0_owned_x07-20260205T0936Z.html"
    text = page.read_text(encoding="utf-8")
    assert "<b>|" not in text
    table = pd.read_csv(quotes.parent / "t.csv")
    assert not table["contract"].str.startswith("=").any()
    assert table["contract"].str.startswith("'=HYPERLINK").sum() == 15
    assert not CONTROL.search((quotes.parent / "t.csv").read_text(encoding="utf-8"))


def test_notes_keep_their_terms_under_a_hostile_name():
    """Rows and terms have the same name, and the same gamma as under a plain one."""
    note = replace(gf.demo_notes()[2], name=f"N{TITLE}")
    market = {"spot": 40.0, "asof": "2026-02-05T21:00Z", "sigma": 0.56, "rate": 0.036}
    book = gf.book_notes([note], **market)
    assert book["contract"].tolist() == list(book.terms) == [r"N\x1b]0;owned\x07"]
    plain = gf.aggregate_exposure(gf.book_notes([replace(note, name="N")], **market)).total()
    assert gf.aggregate_exposure(book).total()["gamma"] == plain["gamma"] != 0.0


def test_error_lines(run, quotes):
    code, out, err = run("levels", quotes, "--symbol", f"x{TITLE}[/nope]")
    assert (code, out) == (2, "")
    assert not CONTROL.search(err.rstrip("\n"))
    assert err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
def test_consoles_of_few_characters(quotes, encoding, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.argv", ["gammaflow", "levels", str(quotes)])
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert b"short-gamma zone" in raw.getvalue()


def test_output_that_cannot_be_written(quotes):
    import subprocess
    import sys
    from pathlib import Path

    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-m", "gammaflow", "levels", str(quotes)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[-1] == "gammaflow: the output cannot be written (No space left on device)."
    )
