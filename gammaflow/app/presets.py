"""The command for maps of vendors' chains: gammaflow columns."""

from __future__ import annotations

from typing import Annotated

import typer

from gammaflow.app.options import Json, grouped
from gammaflow.app.terminal import dumps, out_console, records, say, tell
from gammaflow.market.readers import preset_table, preset_text

__all__ = ["columns"]

Preset = Annotated[
    str | None, typer.Argument(metavar="PRESET", help="Print this preset, to copy and change.")
]


@grouped
def columns(*, preset: Preset = None, as_json: Json = False) -> None:
    """Presets for --columns: the chains of vendors, what each lacks, and its map."""
    if preset is not None:
        text = preset_text(preset)
        print(dumps({"preset": preset, "text": text}) if as_json else text, end="\n" if as_json else "")
        return
    table = preset_table()
    if as_json:
        print(dumps({"presets": records(table.reset_index())}))
    elif out_console.piped:
        say("presets for --columns; gammaflow columns PRESET prints one, to copy and change")
        tell(table.reset_index(), {})
    else:
        for name, row in table.iterrows():
            out_console.print(f"[bold]{name}[/bold]  {row['file']}", highlight=False, soft_wrap=True)
            if row["lacks"]:
                out_console.print(f"    lacks {row['lacks']}", highlight=False, soft_wrap=True)
        out_console.print("gammaflow columns PRESET prints one, to copy and change.", highlight=False)
