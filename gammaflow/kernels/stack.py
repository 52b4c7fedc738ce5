"""A stack frame aligned to cache lines.

A loop with many constants keeps them, as whole vectors, on its stack. LLVM aligns them to 16 bytes only, and
a 64-byte vector store across two cache lines cannot be forwarded to the load that reads it back: the same
loop then takes 7.0 to 10.5 ns per contract, depending on where the caller's stack happens to lie, and always
6.6 ns where the frame begins on a cache line (AVX-512, processor znver4).
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

__all__ = ["align_frame", "stay_apart"]

LINE = 64


@intrinsic
def _align(typingctx):
    """An object on the stack that is aligned to a cache line and that an empty instruction seems to use."""

    def codegen(context, builder, signature, args):
        with builder.goto_entry_block():
            line = builder.alloca(ir.ArrayType(ir.IntType(8), LINE))
        line.align = LINE
        use = ir.FunctionType(ir.VoidType(), [line.type])
        builder.call(ir.InlineAsm(use, "", "r", side_effect=True), [line])
        return context.get_dummy_value()

    return types.none(), codegen


def align_frame() -> None:
    """First statement of a kernel whose stack frame is to be aligned; plain Python has none."""


@overload(align_frame, inline="never")
def _align_frame():
    def compiled():
        _align()

    return compiled


@intrinsic
def _apart(typingctx):
    """Mark the function being compiled as one that is not inlined."""

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), codegen


def stay_apart() -> None:
    """First statement of a subroutine that is called, not inlined: a kernel of many then compiles sooner."""


@overload(stay_apart, inline="always")
def _stay_apart():
    def compiled():
        _apart()

    return compiled
