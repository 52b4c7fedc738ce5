"""
Loop gain
=========

Where hedging adds to moves, and by how much, at a given depth.
"""

import gammaflow as gf

profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain()))
gf.loop_gain(profile, gf.impact.linear(294e6, source="Citi")).plot()
