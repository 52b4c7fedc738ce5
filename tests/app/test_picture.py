import pytest

import gammaflow as gf

pytest.importorskip("matplotlib")
pytest.importorskip("plotly")


@pytest.fixture(scope="module")
def quotes(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "quotes.csv"
    gf.demo_chain().to_frame(facts=True).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("picture", "ending", "starts"),
    [
        ("levels", "png", b"\x89PNG"),
        ("flow", "pdf", b"%PDF"),
        pytest.param("report", "svg", b"<?xml", marks=pytest.mark.slow),
        pytest.param("smile", "svg", b"<?xml", marks=pytest.mark.slow),
    ],
)
def test_each_ending_is_written(run, quotes, tmp_path, picture, ending, starts):
    path = tmp_path / f"x.{ending}"
    code, out, err = run("plot", quotes, "--picture", picture, "--out", path)
    assert (code, out) == (0, "")
    assert f"written: {path}" in err
    assert path.read_bytes().startswith(starts)


@pytest.mark.parametrize(
    "picture",
    ["profile", "exposure", *(pytest.param(p, marks=pytest.mark.slow) for p in ("expiries", "surface"))],
)
def test_pictures_of_a_measure_name_it_with_rule_and_date(run, quotes, tmp_path, picture, monkeypatch):
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")  # text stays text
    path = tmp_path / "x.svg"
    assert run("plot", quotes, "--picture", picture, "--measure", "vanna", "--out", path)[0] == 0
    text = path.read_text(encoding="utf-8")
    for words in ("BTC vanna", "2026-02-05 09:36 UTC", "rule: calls_long_puts_short"):
        assert words in text


def test_the_page_is_the_report_s(run, quotes, tmp_path):
    path, page = tmp_path / "x.html", tmp_path / "report.html"
    assert run("plot", quotes, "--out", path)[0] == 0
    gf.analyze(gf.read_chain(quotes)).to_html(page)
    assert path.read_bytes() == page.read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "x.gif"), "--out: received 'x.gif'; legal endings: .png, .svg, .pdf, .html."),
        (
            ("--out", "x.png", "--picture", "art"),
            "--picture: received 'art'; legal: levels, profile, exposure",
        ),
        (("--out", "x.html", "--picture", "smile"), "--picture: received 'smile' with a page; legal: levels"),
        (("--out", "x.png", "--measure", "vanna"), "--measure: received 'vanna' for the picture 'levels'"),
        (("--out", "x.png", "--measure", "hope"), "--measure: received 'hope'; legal: delta, gamma"),
        (("--out", "no/such/x.png"), "--out: received 'no/such/x.png', which lies in 'no/such'"),
    ],
)
def test_bad_options_end_in_one_line(run, quotes, options, said):
    code, out, err = run("plot", quotes, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.strip().count("\n") == 0
