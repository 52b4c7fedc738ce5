"""Pictures and pages of plain tables: the only package that imports a plotting library.

`static` draws with matplotlib, `interactive` with plotly, `page` writes one self-contained HTML file, and
`prepare` holds what they share. Nothing here knows a result object, and nothing loads a plotting library
before a picture is asked for.
"""
