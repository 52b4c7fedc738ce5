"""How the kernels are compiled: two decorators and where the machine code is kept.

``scalar`` marks a formula of plain numbers. It is always inlined into its caller: LLVM then sees one
straight-line loop and vectorises it. Without ``forceinline`` the loop stays scalar and is eight times slower.

``kernel`` marks a loop over arrays: the unit that is compiled, kept on disk and run without the GIL.

Of the fast-math liberties only ``contract`` (fused multiply-add) and ``arcp`` (one reciprocal for several
quotients by the same number) are allowed. ``nnan`` and ``ninf`` would let the compiler drop the tests that
turn illegal input into NaN, ``reassoc`` would undo the compensated arithmetic.

Two habits keep a loop vectorised and free of repeated work, and both are needed: a conditional expression
chooses between values already computed (a call inside one of its arms becomes a branch), and a loop reads its
inputs into local names before it writes (a store may alias what is read after it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.extending import register_jitable

from gammaflow.kernels.cache import attach_cache

F = TypeVar("F", bound=Callable[..., Any])

FLAGS = {"contract", "arcp"}
KERNEL: dict[str, Any] = {"fastmath": FLAGS, "error_model": "numpy", "nogil": True}
PACKED = {
    512: r"\bvf?m\w+pd\b.*%zmm",
    256: r"\bvf?m\w+pd\b.*%ymm",
    128: r"\bv?f?m(ul|add)\w*pd\b.*%xmm|\bfm(ul|la)[.\s].*v\d+\.2d|\bfm(ul|la)\.2d",
}


def scalar(function: F) -> F:
    """Make a formula of scalars usable in kernels, always inlined; called from Python it is plain Python."""
    make = register_jitable(
        fastmath=FLAGS, error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    return make(function)  # type: ignore[no-any-return]


def kernel(function: Callable[..., None]) -> Any:
    """Compile a loop over arrays; the machine code is kept on disk (see `gammaflow.kernels.cache`)."""
    dispatcher = njit(**KERNEL)(function)
    attach_cache(dispatcher)
    return dispatcher


def summing_kernel(function: Callable[..., None]) -> Any:
    """Compile a loop whose own sums may be taken in any order, so that they vectorise.

    The formulas inlined into it keep their own flags: their compensated arithmetic stays as written.
    """
    dispatcher = njit(**{**KERNEL, "fastmath": FLAGS | {"reassoc", "nsz"}})(function)
    attach_cache(dispatcher)
    return dispatcher


def vector_bits(dispatcher: Any) -> int:
    """Width of the multiplications in a kernel's machine code, in bits: 64 is scalar code.

    Compiles the kernel again for its first signature, since code loaded from disk cannot be read back.
    """
    fresh = njit(**{name: dispatcher.targetoptions[name] for name in KERNEL})(dispatcher.py_func)
    fresh.compile(dispatcher.signatures[0])
    (code,) = fresh.inspect_asm().values()
    return max((bits for bits, pattern in PACKED.items() if re.search(pattern, code)), default=64)
