"""Files that are written: names made of data, and contents that are whole or absent."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gammaflow.errors import SchemaError
from gammaflow.text import value_text

__all__ = ["file_name", "publish", "write_text"]

_LONGEST = 80


def file_name(text: str, default: str) -> str:
    """Text of data as part of a file name: letters, digits and hyphens stay, others become underscores.

    Examples
    --------
    >>> file_name("../../etc/x", "report"), file_name("BTC", "report"), file_name("..", "report")
    ('etc_x', 'BTC', 'report')
    """
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_")[:_LONGEST] or default


def write_text(text: str, path: str | os.PathLike[str] | None = None) -> str:
    """`text`, written to `path` in one step where one is given."""
    if path is not None:
        publish(path, lambda file: file.write_text(text, encoding="utf-8", errors="replace"))
    return text


def publish(path: str | os.PathLike[str], write: Callable[[Path], Any], name: str = "path") -> Path:
    """Write a file in one step: a reader finds the old file or the whole new one, also on a full disk.

    Parameters
    ----------
    path : str or path
        File to write; where it is a link, the file that it points to.
    write : function
        Writes the content to the path that it is given, which has the same ending. A file that is
        replaced keeps its permissions.
    name : str
        Name of the argument or option, for error text.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    SchemaError
        Where `path` is a folder, its folder does not exist, or it cannot be written.
    """
    try:
        given = Path(path).expanduser()
        target = given.resolve()
        known = target.is_dir(), target.parent.is_dir()
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise SchemaError(f"{name}: received {value_text(path)}, which is no path ({error}).") from None
    if known != (False, True):
        what = "is a folder" if known[0] else f"lies in {str(given.parent)!r}, which is not a folder"
        raise SchemaError(f"{name}: received {str(path)!r}, which {what}; pass the name of a file.")
    draft = target.with_name(f".{uuid.uuid4().hex}.part{target.suffix}")
    try:
        if target.exists() and not target.is_file():
            write(target)  # a device or a pipe: nothing to replace
        else:
            write(draft)
            if target.exists():
                shutil.copymode(target, draft)
            os.replace(draft, target)
    except OSError as error:
        raise SchemaError(
            f"{name}: received {str(path)!r}, which cannot be written ({error.strerror or error})."
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    return given
