"""The command line, run in this process."""

import sys

import pytest

from gammaflow.app import cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process: exit code, standard output, error stream."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["gammaflow", *map(str, args)])
        monkeypatch.setattr(cli.out_console, "width", 200, raising=False)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call
