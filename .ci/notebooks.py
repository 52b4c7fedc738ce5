"""Make the notebooks of examples/ from the scripts beside them, run, with their pictures stored small.

A script is cells: `# %%` begins one of code, `# %% [markdown]` one of comments that are markdown, and the
text at its top is the first. Run from the root of a checkout, with names of examples for some of them alone.
"""

import ast
import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
MARK = "# %%"
# Resolution at which pictures are drawn, the share of it at which they are stored, their colors, and
# most bytes of all pictures of a notebook.
DPI, SHARE, COLORS, LIMIT = 120, 0.6, 48, 120_000


def cells(script: str) -> list[tuple[str, str]]:
    """Kind ("markdown" or "code") and source of each cell of a script."""
    top, *rest = script.split(f"\n{MARK}")
    found = [("markdown", "# " + str(ast.literal_eval(top.strip())))]
    for cell in rest:
        head, _, body = cell.partition("\n")
        if head.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()]
            found.append(("markdown", "\n".join(lines)))
        else:
            found.append(("code", quiet(body.strip())))
    return found


def quiet(source: str) -> str:
    """A cell whose last line is a call, the value of which is not shown."""
    last = ast.parse(source).body[-1]
    call = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)
    return f"{source};" if call and not ast.unparse(last).startswith("print(") else source


def main(names: list[str]) -> None:
    """Write the notebooks, and say how large each is."""
    size = 0
    for script in sorted(EXAMPLES.glob("*.py")):
        if names and script.stem not in names:
            continue
        book = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
        setup = f"%matplotlib inline\nimport matplotlib\nmatplotlib.rcParams['figure.dpi'] = {DPI}"
        book.cells = [new_code_cell(f"{setup}\ndel matplotlib")]
        for number, (kind, source) in enumerate(cells(script.read_text(encoding="utf-8"))):
            make = new_markdown_cell if kind == "markdown" else new_code_cell
            book.cells.append(make(source, id=f"cell-{number}"))
        NotebookClient(
            book, timeout=600, kernel_name="python3", resources={"metadata": {"path": EXAMPLES}}
        ).execute()
        book.cells.pop(0)
        for cell in book.cells:
            cell.metadata = {}
            if cell.cell_type == "code":
                cell.execution_count = None
                cell.outputs = [shown(output) for output in cell.outputs]
        path = script.with_suffix(".ipynb")
        pictures = stored_pictures(book)
        drawn = sum(map(len, pictures))
        if drawn > LIMIT:
            sys.exit(f"{path.name}: pictures of {drawn:,} bytes; use fewer or simpler ones")
        nbformat.write(book, path)
        size += path.stat().st_size
        print(
            f"{path.name}: {path.stat().st_size:,} bytes, {len(pictures)} pictures of {drawn:,}", flush=True
        )
    print(f"all: {size:,} bytes")


def stored_pictures(book: dict) -> list[bytes]:
    """The pictures of a notebook, as PNG."""
    outputs = [output for cell in book["cells"] for output in cell.get("outputs", [])]
    return [base64.b64decode(o["data"]["image/png"]) for o in outputs if "image/png" in o.get("data", {})]


def shown(output: dict) -> dict:
    """An output as it is stored: text as printed, a picture small and with few colors."""
    if output["output_type"] == "stream":
        return new_output("stream", name=output["name"], text=output["text"])
    image = Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("RGB")
    width, height = (round(SHARE * side) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    few = image.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(file, "png", optimize=True)
    return new_output("display_data", {"image/png": base64.b64encode(file.getvalue()).decode()})


if __name__ == "__main__":
    main(sys.argv[1:])
