"""The model that a desk page holds, unpacked another way than the page's scripts do it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any


def packed(page: str, name: str) -> str:
    """Text of a packed element of a page."""
    inner = re.search(rf'<script type="application/gzip" id="{name}">([^<]*)</script>', page)
    assert inner is not None
    return gzip.decompress(base64.b64decode(inner.group(1), validate=True)).decode()


def page_model(page: str | Path) -> dict[str, Any]:
    """The model that a page, or the file of one, was made of."""
    text = page.read_text(encoding="utf-8") if isinstance(page, Path) else page
    found = json.loads(packed(text, "model"))

    def restored(item: Any) -> Any:
        if isinstance(item, dict) and "list" in item:
            items = found["lists"][item["list"]]
            signs = [{"+": 1, "-": -1, "0": 0}[sign] for sign in item.get("signs", "")]
            return [sign * x for sign, x in zip(signs, items, strict=True)] if signs else items
        if isinstance(item, dict):
            return {name: restored(value) for name, value in item.items()}
        return [restored(value) for value in item] if isinstance(item, list) else item

    return dict(restored(found["model"]))


def texts(item: Any) -> str:
    """Every text and number of a model, one a line."""
    if isinstance(item, dict):
        return "\n".join(f"{name}\n{texts(value)}" for name, value in item.items())
    return "\n".join(map(texts, item)) if isinstance(item, list) else str(item)


def own_view(model: dict[str, Any]) -> dict[str, Any]:
    """The view that a page opens with."""
    return dict(
        model["views"]["|".join(model["default"][name] for name in ("rule", "dynamics", "selection"))]
    )
