"""Opening a model file faster must not change what is opened."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._export.serde.serialize import GraphModuleDeserializer

from weather_perception.core.program import each_size_parsed_once, open_program


def test_every_size_is_parsed_once_and_the_graph_is_the_one_that_torch_opens(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = torch.export.load(tiny_model)
    parse, parsed = GraphModuleDeserializer._parse_sym_expr, Counter[str]()

    def counted(self: Any, expression: Any, hint: Any = None) -> Any:
        parsed[str(expression)] += isinstance(expression, str)
        return parse(self, expression, hint)

    monkeypatch.setattr(GraphModuleDeserializer, "_parse_sym_expr", counted)
    torch.export.load(tiny_model)
    assert parsed.most_common(1)[0][1] > 1
    parsed.clear()
    opened = open_program(tiny_model).exported
    assert set(parsed.values()) <= {0, 1} and sum(parsed.values()) > 1
    assert opened.module().code == plain.module().code
    assert str(opened.graph_signature) == str(plain.graph_signature)
    assert str(opened.range_constraints) == str(plain.range_constraints)
    assert GraphModuleDeserializer._parse_sym_expr is counted


def test_torch_is_left_as_it_was_when_a_file_cannot_be_opened() -> None:
    parse = GraphModuleDeserializer._parse_sym_expr
    with pytest.raises(OSError, match="cut off"), each_size_parsed_once():
        raise OSError("cut off")
    assert GraphModuleDeserializer._parse_sym_expr is parse


def test_files_still_open_where_torch_has_no_such_method(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weather_perception.core.program.serialize", None)
    assert open_program(tiny_model).manifest.name == "tiny"
