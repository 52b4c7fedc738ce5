"""
Gamma over spot
===============

The book revalued at each spot, with its flip, its short-gamma zone and the zone's core.
"""

import gammaflow as gf

levels = gf.sweep_spot(gf.assign_positions(gf.demo_chain())).levels()
levels.plot()
