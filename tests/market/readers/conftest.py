import pytest

from support.mapped_tables import MAP, PLAIN, SAMPLE


@pytest.fixture
def files(tmp_path):
    """The sample and its map, and a way to write others."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    write.sample, write.map = write("sample.csv", SAMPLE), write("map.toml", MAP)
    write.plain = write("plain.csv", PLAIN)
    return write
