"""
Every rule
==========

Gamma over spot under each rule for dealers' sign.
"""

import gammaflow as gf

gf.compare_rules(gf.demo_chain()).plot()
