"""A stack frame on the boundaries of cache lines.

A loop of many constants keeps them, as whole vectors, on its stack. There LLVM places them at multiples of 16
bytes only, and what a 64-byte vector store leaves across two cache lines cannot be forwarded to the load that
wants it back: the same loop then takes 7.0 to 10.5 ns per contract, as the caller's stack happens to lie, and
always 6.6 ns where the frame begins on a boundary (AVX-512, processor znver4).
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

__all__ = ["align_frame"]

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
    """First statement of a kernel that is to have its stack frame aligned; plain Python has none."""


@overload(align_frame, inline="never")
def _align_frame():
    def compiled():
        _align()

    return compiled
