"""Compilation of the kernels: three decorators.

``scalar`` marks a formula of plain numbers. It is always inlined into its caller, so that LLVM sees one
straight-line loop and vectorises it. Without ``forceinline`` the loop stays scalar and is eight times slower.

``kernel`` marks a loop over arrays that Python calls: the unit that is compiled, cached on disk (see
`gammaflow.kernels.cache`) and run without the GIL. It names the arrays that it writes, ``@kernel("out")``;
all others are passed read-only and contiguous, so that it is compiled for one signature only. A ``closed``
kernel is never compiled for another one: numba then takes writeable arrays too, as they are.

``subroutine`` marks a loop that only kernels call: compiled once for all of them, and cached with each.

Of the fast-math flags only ``contract`` (fused multiply-add) and ``arcp`` (one reciprocal for several
quotients by the same number) are allowed. ``nnan`` and ``ninf`` would let the compiler drop the tests that
turn illegal input into NaN, ``reassoc`` would undo the compensated arithmetic. With ``any_order`` a loop's
own sums may be taken in any order, so that they vectorise; the formulas inlined into it keep their own flags,
and their compensated arithmetic stays as written.

Two habits keep a loop vectorised and free of repeated work, and both are needed: a conditional expression
chooses between values already computed (a call inside one of its arms becomes a branch), and a loop reads its
inputs into local names before it writes (a store may alias what is read after it).

With ``NUMBA_DISABLE_JIT=1`` everything is plain Python, for legal rows: slow, for tracing and debugging.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import NumbaError, njit
from numba.extending import register_jitable

from gammaflow.kernels.cache import cache_folder, files_of, forget, keep
from gammaflow.kernels.seal import is_sealed, seal

F = TypeVar("F", bound=Callable[..., Any])

FLAGS = {"contract", "arcp"}
KERNEL: dict[str, Any] = {"fastmath": FLAGS, "error_model": "numpy", "nogil": True}
# No entry from C. One from Python stays: without it, a call from Python ends the process.
INNER: dict[str, Any] = {"no_cfunc_wrapper": True}
ANY_ORDER: dict[str, Any] = {**KERNEL, "fastmath": FLAGS | {"reassoc", "nsz"}}
PACKED = {
    512: r"\bvf?m\w+pd\b.*%zmm",
    256: r"\bvf?m\w+pd\b.*%ymm",
    128: r"\bv?f?m(ul|add)\w*pd\b.*%xmm|\bfm(ul|la)[.\s].*v\d+\.2d|\bfm(ul|la)\.2d",
}
FLOAT = np.dtype(np.float64)
_WRITEABLE = 0x400  # of numpy's array flags

_lock = threading.RLock()


def scalar(function: F) -> F:
    """Make a scalar formula usable in kernels, always inlined; called from Python it is plain Python."""
    make = register_jitable(
        fastmath=FLAGS, error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    return make(function)  # type: ignore[no-any-return]


def subroutine(*, any_order: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Compile a loop that kernels call."""
    return njit(**(ANY_ORDER if any_order else KERNEL), **INNER)  # type: ignore[no-any-return]


def kernel(
    *writes: str, any_order: bool = False, closed: bool = False
) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile a loop over arrays that writes to the named arguments."""

    def make(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, writes, ANY_ORDER if any_order else KERNEL, closed)

    return make


def frozen(argument: Any) -> Any:
    """An argument as kernels take it: arrays, including those in a named tuple, read-only and C-contiguous.

    Numbers of any other precision become float64. A copy is made only where one is needed.
    """
    if isinstance(argument, np.ndarray):
        dtype, flags = argument.dtype, argument.flags
        wide = dtype is FLOAT or dtype.kind != "f"
        # By number: asking whether an array of np.broadcast_arrays is writeable warns.
        if wide and flags.c_contiguous and not flags.num & _WRITEABLE:
            return argument
        array = np.asarray(argument, dtype if wide else FLOAT, order="C").view()
        array.setflags(write=False)
        return array
    if isinstance(argument, tuple):
        return argument._make(map(frozen, argument))  # type: ignore[attr-defined]
    return argument


class Kernel:
    """A loop over arrays, compiled at its first call.

    Attributes
    ----------
    py_func : function
        The loop as plain Python.
    writes : tuple of str
        Parameters that the loop writes to.
    compiled : dispatcher of numba
        Made at the first use: numba writes a file to learn whether it may cache, for each loop.
    run : callable
        Runs on arrays that are already frozen, such as those of `gammaflow.kernels.blocks.read_blocks`; a
        closed kernel, once compiled, with no overhead beyond numba's own. Its arrays may be writeable.
    """

    compiled: Any

    def __init__(
        self,
        function: Callable[..., Any],
        writes: tuple[str, ...],
        options: dict[str, Any],
        closed: bool = False,
    ) -> None:
        names = list(inspect.signature(function).parameters)
        if not set(writes) <= set(names):
            raise TypeError(f"{function.__name__} has no parameters {sorted(set(writes) - set(names))}")
        self.py_func, self.writes, self.options, self.closed = function, writes, options, closed
        self._folder = cache_folder()
        self.run: Callable[..., Any] = self._first
        self._trusted = False
        # Signatures of this process once its cached files are sealed, and how many of them it has compiled.
        self._loaded: int | None = None
        self._made = 0
        self._reads = [name not in writes for name in names]
        self.__doc__, self.__name__ = function.__doc__, function.__name__

    def __getattr__(self, name: str) -> Any:
        if name != "compiled":
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        with _lock:  # another thread may have been first
            if name not in self.__dict__:
                self.compiled = keep(self.py_func, self.options, self._folder)
            return self.__dict__[name]

    def __repr__(self) -> str:
        return f"<kernel {self.py_func.__module__}.{self.__name__}>"

    def __call__(self, *args: Any) -> Any:
        """Run on arrays of any layout."""
        return (self.run if self.closed else self._guarded)(*self._frozen(args))

    def _frozen(self, args: tuple[Any, ...]) -> list[Any]:
        return [frozen(a) if read else a for a, read in zip(args, self._reads, strict=True)]

    def _first(self, *args: Any) -> Any:
        if not self.closed:
            result = self._guarded(*args)
        else:
            with _lock:  # no other thread may find it closed while it waits to compile
                result = self._guarded(*self._frozen(args))
                if hasattr(self.compiled, "disable_compile"):
                    self.compiled.disable_compile()
        self.run = self.compiled if self.closed else self._guarded
        return result

    def _guarded(self, *args: Any) -> Any:
        if not self._trusted:
            return self._trusting(*args)
        compiled = self.compiled
        try:
            result = compiled(*args)
        except Exception as error:
            return self._in_memory(compiled, error)(*args)
        if self._loaded is not None and len(compiled.overloads) != self._loaded:
            self._seal_again(compiled)
        return result

    def _seal_again(self, compiled: Any) -> None:
        """A new seal where a further signature has been compiled, whose code the old one does not cover."""
        with _lock:
            self._loaded, made = len(compiled.overloads), sum(compiled.stats.cache_misses.values())
            if made > self._made:
                self._made = made
                seal(compiled)

    def _trusting(self, *args: Any) -> Any:
        """The first call: cached files are checked before numba loads them, and sealed once it wrote them."""
        with _lock:
            kept = is_sealed(self.compiled) and bool(files_of(self.compiled))
            if not kept and files_of(self.compiled):
                forget(self.compiled)
                if files_of(self.compiled):  # they cannot be deleted
                    self.compiled = njit(**self.options)(self.py_func)
            self._trusted = True
        result = self._guarded(*args)
        if not kept:
            seal(self.compiled)
        if hasattr(self.compiled, "overloads"):
            self._loaded = len(self.compiled.overloads)
            self._made = sum(self.compiled.stats.cache_misses.values())
        return result

    def _in_memory(self, tried: Any, error: Exception) -> Any:
        """The loop recompiled with its cached files deleted: one of them may be damaged, or the disk full."""
        with _lock:
            if self.compiled is tried:
                if isinstance(error, NumbaError) or not forget(tried):
                    raise error
                self.compiled = njit(**self.options)(self.py_func)
        return self.compiled

    @property
    def signatures(self) -> list[Any]:
        """The signatures for which the loop is compiled."""
        return list(self.compiled.signatures)


def vector_bits(loop: Any) -> int:
    """Width of the multiplications in the machine code of a kernel or subroutine, in bits: 64 is scalar code.

    The loop is compiled again for its first signature, since code loaded from disk cannot be read back.
    """
    dispatcher = loop.compiled if isinstance(loop, Kernel) else loop
    fresh = njit(**{name: dispatcher.targetoptions[name] for name in KERNEL})(dispatcher.py_func)
    fresh.compile(dispatcher.signatures[0])
    (code,) = fresh.inspect_asm().values()
    return max((bits for bits, pattern in PACKED.items() if re.search(pattern, code)), default=64)
