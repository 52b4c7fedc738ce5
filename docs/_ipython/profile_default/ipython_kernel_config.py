# Kernels run on this machine only; their notice about it would be read as a warning.
c.IPKernelApp.log_level = 40  # noqa: F821
