"""
Smile dynamics
==============

The same book under different assumptions about vols when spot moves.
"""

import gammaflow as gf

gf.compare_dynamics(gf.assign_positions(gf.demo_chain())).plot()
