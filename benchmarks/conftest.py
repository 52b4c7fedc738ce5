"""Cases of `make bench-loops`: `pytest benchmarks`, one thread, the tests' references on the path."""

import benchmarks.peers  # noqa: F401  one thread, and the path
