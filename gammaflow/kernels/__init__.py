"""Numerical kernels: scalar formulas first, array loops second. They know numpy, numba and math only."""
