"""
How sure is the sign?
=====================

Gamma as a distribution under beliefs about who bought, and the probability that dealers are short.
"""

import gammaflow as gf

gf.sign_bands(gf.demo_chain(), "customers_buy_puts", draws=2000).plot()
