"""Speed with the error beside it: `python -m benchmarks` prints the tables and writes benchmarks/README.md.

Importing this package, before any library starts threads of its own, makes everything single-threaded.
"""

import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"
os.environ["GAMMAFLOW_THREADS"] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
