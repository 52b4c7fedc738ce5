"""Print the lowest version of each library that pyproject.toml allows, as requirements for pip."""

import re
import tomllib
from pathlib import Path

declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
project, extras = declared["project"], declared["project"]["optional-dependencies"]
lines = [*project["dependencies"], *declared["dependency-groups"]["test"]]
lines += [
    line for name in ("plot", "parquet", "live", "dask", "study", "serve", "mcp") for line in extras[name]
]
print("\n".join(re.sub(r">=", "==", line) for line in lines))
