"""Makes torch open a model file faster: a graph has few sizes, but torch parses them again at every node."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:
    from torch._export.serde import serialize
except ImportError:  # private to torch: it may move
    serialize = None  # type: ignore[assignment]

_LOCK = threading.Lock()


@contextmanager
def each_size_parsed_once() -> Iterator[None]:
    """Makes torch.export.load parse each expression of a dynamic size once per file, with the same result.

    Parsing takes most of the time in which a deep network opens. It is a private method of torch: if torch renames it,
    files open at torch's own speed.
    """
    owner: Any = getattr(serialize, "GraphModuleDeserializer", None)
    parse = getattr(owner, "_parse_sym_expr", None)
    if parse is None:
        yield
        return

    def parse_once(self: Any, expression: Any, hint: Any = None) -> Any:
        if not isinstance(expression, str):  # a part of one
            return parse(self, expression, hint)
        # Known symbols belong to a graph: one of another graph is another symbol.
        known = self.__dict__.setdefault("_sizes_parsed", {})
        key = (id(self.symbol_name_to_symbol), expression, hint)
        if key not in known:
            known[key] = parse(self, expression, hint)
        return known[key]

    with _LOCK:
        owner._parse_sym_expr = parse_once
        try:
            yield
        finally:
            owner._parse_sym_expr = parse
