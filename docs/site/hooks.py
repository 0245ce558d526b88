"""Hooks of the documentation site: a link to a file of the repository that is no page becomes the file's name."""

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]*)\]\((?:\.\./)+[^)]*\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace links that leave docs/; on GitHub they work."""
    depth = page.file.src_uri.count("/") + 1
    return OUTSIDE.sub(lambda found: found[0] if found[0].count("../") < depth else f"`{found[1]}`", markdown)
