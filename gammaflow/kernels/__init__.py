"""Numerical kernels: scalar formulas first, array loops second. They import numpy, numba and math only."""
