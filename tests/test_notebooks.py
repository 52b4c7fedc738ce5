"""Every notebook runs from top to bottom, and shows what it promises."""

import math
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need nbformat, of the test dependencies")
nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient, of the test dependencies")
pytest.importorskip("ipykernel", reason="notebooks need ipykernel, of the test dependencies")

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))


@pytest.fixture(scope="module")
def client():
    """One kernel for all notebooks."""
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(), timeout=300, kernel_name="python3")
    with client.setup_kernel():
        yield client


@pytest.fixture
def run(client, tmp_path):
    """A function that runs a notebook without names of another, checks that it draws its pictures, and
    returns its texts."""

    def executed(name, pictures):
        book = nbformat.read(EXAMPLES / name, as_version=4)
        fresh = nbformat.v4.new_code_cell(f"%reset -f\nimport os\nos.chdir({str(tmp_path)!r})\ndel os")
        book.cells.insert(0, fresh)
        client.nb = book
        client.reset_execution_trackers()
        for place, cell in enumerate(book.cells):
            client.execute_cell(cell, place)
        outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
        texts = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs]
        assert [output for output in outputs if output.output_type == "error"] == []
        assert sum("image/png" in output.get("data", {}) for output in outputs) == pictures
        return "\n".join(texts)

    return executed


@pytest.mark.slow
def test_quickstart(run):
    text = run("01_quickstart.ipynb", pictures=2)
    assert "zero gamma             77,508.53 (dealers turn long above)" in text
    assert "70000.0   -63.8" in text
    assert "[77509, 77615]" in text
    assert "spot at which the sum, recomputed at that spot, is zero" in text


@pytest.mark.slow
def test_profile(run):
    text = run("03_profile.ipynb", pictures=6)
    assert "sticky_strike        gamma       -169046521.0      1       77509.0  68655.0" in text
    assert "2026-02-06 08:00:00+00:00 -41695062.0      1       77064.0  70303.0" in text
    assert re.search(r"spot +-850.4.*\ntime +842.2.*\nvolatility +-268.1.*\ntotal +-276.4", text)


@pytest.mark.slow
def test_how_sure(run):
    text = run("08_how_sure.ipynb", pictures=2)
    assert re.search(r"short_all +-1 +-1 +-412\.164m +0 +NaN .* 84,146 ", text)
    assert re.search(r"68000\.0 +0\.5 +0\.9[67]", text)
    assert re.search(r"p_all +0\.4[5-8] +0\.9[45]", text)
    assert re.search(r"^before: short in all of it in 9[45]% of draws", text, re.MULTILINE)


@pytest.mark.slow
def test_feedback(run):
    text = run("09_feedback.ipynb", pictures=3)
    assert "kappa > 0.5 (moves more than doubled): 58,326 to 75,658, peak 0.91 at 69,691" in text
    assert re.search(r"-2\.000000e\+09 +57162\.65 +3\.28", text)
    assert re.search(r"294m +0\.18 +0\.43 +0\.61", text)
    assert "2bn alone, times: 2.53 down, 1.38 up, 2.83 up in the mirror" in text


@pytest.mark.slow
def test_the_week(run):
    text = run("10_the_week.ipynb", pictures=5)
    assert "34,278.49 (faded) to 77,508.53" in text
    assert re.search(r"two-sided +0\.000465 +0\.0027\d* +5\.80", text)
    assert re.search(r"mixed: a mistake +0\.000233 +0\.0027\d* +11\.60", text)
    assert "Best: 21:00 UTC, 6 bp; next 22:00 UTC, 34 bp" in text
    assert re.search(r"linear 294m +-2\.90", text)


@pytest.mark.slow
def test_a_season(run):
    text = run("11_a_season.ipynb", pictures=2)
    assert "31 of 60 days short gamma" in text
    assert "60 of 60 rows complete" in text
    assert "verdict: nothing beyond: the intervals of short_gamma, depth all hold 0" in text
    low, high = (float(re.search(rf"^{end} +(-?[\d.]+)$", text, re.M)[1]) for end in ("low", "high"))
    assert low < math.log(1.5) < high
    assert re.search(r"^something beyond: short_gamma \(\+\d\d %\)", text, re.M)


@pytest.mark.slow
def test_knock_in(run):
    text = run("04_knock_in.ipynb", pictures=5)
    assert re.search(r"60\.01 +39\.102 +-5\.311", text)
    assert re.search(r"0\.70 +0\.325 +0\.302 +4\.043", text)
    assert re.search(r"1\.750 +0\.65 +0\.56 +0\.53 +0\.39", text)
    assert "zero gamma             76,982.21 (dealers turn long above)" in text
    assert re.search(r"notes, 28 days left +-157\.5 +-608\.0 +-1508\.7 +-242\.5", text)
    assert re.search(r"67005\.0 +1\.04 +121\.23 +66734\.99", text)


@pytest.mark.slow
def test_consolidated(run):
    text = run("05_consolidated.ipynb", pictures=2)
    assert re.search(r"43\.6 +76880\.0\n39\.0 +68769\.0\n38\.0 +67005\.0\n36\.1 +63655\.0", text)
    assert re.search(r"IBIT +6241\.0 +-118\.5", text)
    assert re.search(r"2026-02-07 03:00:00\+00:00 +True +False +False +-169\.0", text)
    assert re.search(r"put +262 +35 +-0\.89", text)
    assert "1.40 puts struck at the barrier per note" in text
    assert re.search(r"0\.70 +1\.99 +-2\.61 +-0\.63", text)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_stored_without_outputs_beside_a_script_of_its_story(name):
    book = nbformat.read(EXAMPLES / name, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
    assert (EXAMPLES / name).with_suffix(".py").is_file()


def test_every_notebook_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in NOTEBOOKS if f'"{name}"' not in source] == []
