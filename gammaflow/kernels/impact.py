"""Price impact as a piecewise power law: the move of ln S that a flow makes, and its inverse.

A side of the market, sells or buys, is three rows of k nodes: sizes > 0 ascending [currency], moves > 0
ascending [ln S] and exponents > 0. A flow of size F moves ln S by moves[j] (F / sizes[j])^exponents[j] with j
the last node whose size is at most F; below the first node the first exponent holds, beyond the last the
last. In tables of both sides row 0 is for sells and row 1 for buys. NaN in gives NaN out.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import kernel, scalar

__all__ = ["log_move", "move_size", "moves_loop", "signed_flow", "signed_move", "signed_slope"]


@scalar
def _node(value, row):
    """Number of the last node at or below a value; 0 below the first."""
    j = 0
    while j + 1 < len(row) and row[j + 1] <= value:
        j += 1
    return j


@scalar
def log_move(flow, sizes, moves, exponents):
    """Size of the move of ln S that a flow of this size makes, >= 0; rows of one side."""
    j = _node(flow, sizes)
    return moves[j] * (flow / sizes[j]) ** exponents[j]


@scalar
def move_size(move, sizes, moves, exponents):
    """Size of the flow that moves ln S by this much, >= 0: the inverse of `log_move`."""
    j = _node(move, moves)
    return sizes[j] * (move / moves[j]) ** (1.0 / exponents[j])


@scalar
def log_slope(flow, sizes, moves, exponents):
    """d `log_move` / d flow; at zero flow 0 for an exponent above 1, inf for one below."""
    j = _node(flow, sizes)
    p = exponents[j]
    if flow == 0.0 and p != 1.0:
        return 0.0 if p > 1.0 else math.inf
    if not flow >= 0.0:
        return math.nan
    return p * (moves[j] / sizes[j]) * (flow / sizes[j]) ** (p - 1.0)


@scalar
def signed_move(flow, sizes, moves, exponents):
    """Move of ln S that a flow makes, < 0 for a sale; tables of both sides."""
    side = 0 if flow < 0.0 else 1
    size = log_move(abs(flow), sizes[side], moves[side], exponents[side])
    return -size if flow < 0.0 else size


@scalar
def signed_flow(move, sizes, moves, exponents):
    """Flow that makes a move of ln S, < 0 for a fall: the inverse of `signed_move`."""
    side = 0 if move < 0.0 else 1
    size = move_size(abs(move), sizes[side], moves[side], exponents[side])
    return -size if move < 0.0 else size


@scalar
def signed_slope(flow, sizes, moves, exponents):
    """d `signed_move` / d flow, > 0; at zero flow that of buys."""
    side = 0 if flow < 0.0 else 1
    return log_slope(abs(flow), sizes[side], moves[side], exponents[side])


@kernel("move", "slope")
def moves_loop(flow, sizes, moves, exponents, move, slope):
    """Move of ln S and its slope for each flow (n,)."""
    for i in range(len(flow)):
        f = flow[i]
        move[i] = signed_move(f, sizes, moves, exponents)
        slope[i] = signed_slope(f, sizes, moves, exponents)


@kernel("flow")
def flows_loop(move, sizes, moves, exponents, flow):
    """Flow for each move of ln S (n,)."""
    for i in range(len(move)):
        flow[i] = signed_flow(move[i], sizes, moves, exponents)
