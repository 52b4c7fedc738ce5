"""Files that are written: whole or not at all, under names that stay where they are."""

import errno
import os
from pathlib import Path

import pytest

import gammaflow as gf
from gammaflow.output import file_name, publish, write_text


def writes(text):
    return lambda path: path.write_text(text, encoding="utf-8")


def fails(path):
    path.write_text("half of it", encoding="utf-8")
    raise OSError(errno.ENOSPC, "No space left on device")


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("BTC", "BTC"), ("^SPX", "SPX"), ("BRK.B", "BRK_B"), ("../../x", "x"), ("/etc/passwd", "etc_passwd"),
        ("..", "report"), ("", "report"), ("\x00", "report"), ("a\\b:c|d", "a_b_c_d"), ("x" * 500, "x" * 80),
        ("日経", "report"),
    ],
)  # fmt: skip
def test_names_stay_in_their_folder(text, name):
    assert file_name(text, "report") == name


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path):
    target = tmp_path / "x.csv"
    publish(target, writes("old"))
    with pytest.raises(gf.SchemaError, match=r"^--out: .*x\.csv', which cannot be written \(No space left"):
        publish(target, fails, "--out")
    assert contents(tmp_path) == {"x.csv": "old"}
    assert publish(str(target), writes("new")) == target
    assert contents(tmp_path) == {"x.csv": "new"}


def test_a_private_file_stays_private(tmp_path):
    target = tmp_path / "x.md"
    publish(target, writes("old"))
    target.chmod(0o600)
    publish(target, writes("new"))
    assert (target.stat().st_mode & 0o777, contents(tmp_path)) == (0o600, {"x.md": "new"})


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "real" / "x.md")
    write_text("text", link)
    assert link.is_symlink()
    assert (tmp_path / "real" / "x.md").read_text(encoding="utf-8") == "text"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (".", "is a folder"), ("no/such/x.md", "lies in '.*no/such', which is not a folder"),
        ("a\x00b", "is no path"), (3, "received 3, which is no path"),
    ],
)  # fmt: skip
def test_paths_that_cannot_be_written(path, words, tmp_path):
    where = tmp_path / path if isinstance(path, str) else path
    with pytest.raises(gf.SchemaError, match=words):
        publish(where, writes("x"))
    assert list(tmp_path.iterdir()) == []


def test_devices_are_written_to_and_never_replaced():
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    assert publish("/dev/null", writes("x")) == Path("/dev/null")
    with pytest.raises(gf.SchemaError, match="cannot be written"):
        publish("/dev/full", writes("x" * 100_000))
    assert not os.path.isfile("/dev/null")


def test_reports_are_written_by_name(tmp_path):
    report = gf.analyze(gf.demo_chain())
    text = report.to_markdown(tmp_path / "x.md", strikes=3)
    assert (tmp_path / "x.md").read_text(encoding="utf-8") == text
    assert "## Heaviest strikes (3 of " in text
    with pytest.raises(gf.SchemaError, match=r"^strikes: received -1"):
        report.to_markdown(strikes=-1)
