"""Plots and pages made from plain tables: the only package that imports a plotting library.

`static` draws with matplotlib, `interactive` with plotly, `page` writes one self-contained HTML file, and
`prepare` has what they share. Result objects are unknown here, and no plotting library is loaded before a
plot is asked for.
"""
