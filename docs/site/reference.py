"""Writes the tables of docs/node.md that follow from the code: `python docs/site/reference.py`."""

import re
import sys
from pathlib import Path

from weather_perception.core.config import ANY_TIME, CONFIGURE, START, NodeConfig, Setting, settings_of

PAGE = Path(__file__).resolve().parents[1] / "node.md"
_WHEN = {START: "at start", CONFIGURE: "configure", ANY_TIME: "any time"}
BEGIN, END = "<!-- parameters: written by docs/site/reference.py -->", "<!-- end of parameters -->"
BETWEEN = re.compile(f"(?<={BEGIN}\n\n).*?(?=\n{END})", re.DOTALL)


def parameters() -> str:
    """The table of the node's parameters."""
    rows = [
        f"| `{item.name}` | {_default(item)} | {_allowed(item)} | {_WHEN[item.takes_effect]} | {item.doc} |\n"
        for item in settings_of(NodeConfig)
    ]
    return "| name | default | allowed | takes effect | meaning |\n|---|---|---|---|---|\n" + "".join(rows)


def _default(item: Setting) -> str:
    if isinstance(item.default, tuple):
        return "[" + ", ".join(f'"{name}"' for name in item.default) + "]"
    default = str(item.default).lower() if isinstance(item.default, bool) else str(item.default)
    return default or '""'


def _allowed(item: Setting) -> str:
    if item.choices:
        return ", ".join(item.choices)
    return f"{item.bounds[0]}..{item.bounds[1]} {item.unit}".strip() if item.bounds else ""


def main() -> int:
    """Write the page anew."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BETWEEN.sub(lambda _: parameters(), text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
