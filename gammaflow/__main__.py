"""`python -m gammaflow`: the command line."""

from gammaflow.app.cli import main

main()
