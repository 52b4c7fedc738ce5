"""Kernels of the documentation: on this machine only, so their notice about it is left out."""

c.IPKernelApp.log_level = 40  # noqa: F821
