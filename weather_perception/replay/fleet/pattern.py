"""Reads a recording's vehicle and route from its path."""

import argparse
import re

PARTS = ("vehicle", "route")
_TOKEN = re.compile(r"\{([^}]*)\}|(\*\*)|(\*)")


def pattern(text: str) -> "re.Pattern[str]":
    """`{vehicle}/{route}/*` as a regular expression; raises ArgumentTypeError for anything else in braces."""
    found, place, expression = [], 0, ""
    for token in _TOKEN.finditer(text):
        expression += re.escape(text[place : token.start()])
        place = token.end()
        name = token[1]
        if name is None:
            expression += ".*" if token[2] else "[^/]*"
            continue
        if name not in PARTS or name in found:
            raise argparse.ArgumentTypeError(f"{{{name}}} in {text!r}: expected {{vehicle}} and {{route}}, each once")
        found.append(name)
        expression += f"(?P<{name}>[^/]+?)"
    if not found:
        raise argparse.ArgumentTypeError(
            f"{text!r} has neither {{vehicle}} nor {{route}}, as in {{vehicle}}/{{route}}/*"
        )
    return re.compile(expression + re.escape(text[place:]), re.DOTALL)
