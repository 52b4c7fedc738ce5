"""Chromium for the tests of pages: where it is, how it starts, and what went wrong on a page."""

from __future__ import annotations

import shutil
from typing import Any

CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
]  # fmt: skip

WATCH = """
window.problems = [];
addEventListener("error", e => problems.push(String(e.message || e.target)), true);
addEventListener("unhandledrejection", e => problems.push(String(e.reason)));
addEventListener("securitypolicyviolation", e => problems.push(e.violatedDirective));
"""


def watched(page: Any) -> list[str]:
    """Problems of a page from now on: errors, words on the console, requests that leave the file."""
    problems: list[str] = []
    page.add_init_script(WATCH)
    page.on("console", lambda said: problems.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("file:", "data:", "blob:"))
            else problems.append(f"asked for {asked.url}")
        ),
    )
    return problems
