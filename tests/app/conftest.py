"""The command line, run in this process."""

import sys

import pytest

from gammaflow.app import cli


@pytest.fixture
def piped(monkeypatch, capsys):
    """Run the command line in this process, in a pipe: exit code, standard output, error stream."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["gammaflow", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call


@pytest.fixture
def run(monkeypatch, piped):
    """Run the command line as `piped`, on a terminal of 200 columns."""

    def call(*args, width=200):
        with monkeypatch.context() as terminal:
            terminal.setattr(type(cli.out_console), "piped", False)
            terminal.setattr(cli.out_console, "width", width, raising=False)
            return piped(*args)

    return call
