"""A model file that could run code or fill the memory is refused by name, whoever opens it, and nothing of it runs."""

import copy
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from weather_perception.core import program
from weather_perception.core.contract import ContractError
from weather_perception.core.engines import command
from weather_perception.core.engines.base import EngineOptions
from weather_perception.core.engines.select import build_engine
from weather_perception.core.plain_graph import plain_graph
from weather_perception.core.program import open_program
from weather_perception.replay import cli

GRAPH, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"
CONSTANTS, SAMPLE = "data/constants/model_constants_config.json", "data/sample_inputs/model.pt"

Parts = dict[str, bytes]
Change = Callable[[Parts, Path], None]
"""Makes a file's parts dangerous: code in them would create the file of this path."""


class Intruder:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.mark), "w")


def python(mark: Path) -> str:
    """An expression that creates a file when it is evaluated."""
    return f"__import__('pathlib').Path({str(mark)!r}).touch()"


def parts_of(path: Path) -> Parts:
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write(parts: Parts, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(f"tiny/{name}", content)
    return path


def edit(parts: Parts, name: str, change: Callable[[Any], None]) -> None:
    description = json.loads(parts[name])
    change(description)
    parts[name] = json.dumps(description).encode()


def constant(path: str, use_pickle: bool) -> Change:
    """A constant of the graph in a file of its own, which a pickle fills."""

    def change(parts: Parts, mark: Path) -> None:
        def refer(description: Any) -> None:
            (name, entry), *_ = description["config"].items()
            description["config"][name] = entry | {"path_name": path, "use_pickle": use_pickle}

        edit(parts, CONSTANTS, refer)
        parts[f"data/constants/{path}"] = pickle.dumps(Intruder(mark))

    return change


def weight(parts: Parts, mark: Path) -> None:
    entry = {"path_name": "weight_0", "is_param": True, "use_pickle": True, "tensor_meta": None}
    edit(parts, WEIGHTS, lambda description: description["config"].update(w=entry))
    parts["data/weights/weight_0"] = pickle.dumps(Intruder(mark))


def legacy(parts: Parts, mark: Path) -> None:
    parts["data/weights/model.pt"] = saved(Intruder(mark))


def saved(thing: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def sample(parts: Parts, mark: Path) -> None:
    parts[SAMPLE] = saved(((Intruder(mark),), {}))


def bare_sample(parts: Parts, mark: Path) -> None:
    parts[SAMPLE] = pickle.dumps(Intruder(mark))


def library(parts: Parts, mark: Path) -> None:
    parts["data/aotinductor/model/engine.so"] = b"\x7fELF"


def replaced(pattern: str, text: Callable[[Path], str]) -> Change:
    """Replaces the first value of a key, anywhere in the graph."""

    def put(value: Any, mark: Path) -> bool:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            if key == pattern:
                value[key] = text(mark)
                return True
            if put(item, mark):
                return True
        return False

    def change(parts: Parts, mark: Path) -> None:
        edit(parts, GRAPH, lambda graph: None if put(graph, mark) else pytest.fail(f"no {pattern}"))

    return change


def operator(target: str) -> Change:
    """Another operator before all others, which gets the path of the file."""

    def change(parts: Parts, mark: Path) -> None:
        def insert(description: Any) -> None:
            graph = description["graph_module"]["graph"]
            node = copy.deepcopy(graph["nodes"][0])
            argument = {"name": "", "arg": {"as_string": f"touch {mark}"}, "kind": 1}
            graph["nodes"].insert(0, node | {"target": target, "inputs": [argument], "outputs": [], "name": "before"})

        edit(parts, GRAPH, insert)

    return change


def guard(parts: Parts, mark: Path) -> None:
    edit(parts, GRAPH, lambda graph: graph.update(guards_code=[python(mark)]))


def tree(parts: Parts, mark: Path) -> None:
    spec = {"type": "builtins.dict", "context": json.dumps([{"__enum__": True, "fqn": "antigravity:x", "name": "y"}])}
    replaced("in_spec", lambda _: json.dumps([1, spec | {"children_spec": []}]))(parts, mark)


def hollow(parts: Parts, mark: Path) -> None:
    meta = {"sizes": [{"as_int": 1 << 40}]}
    entry = {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": meta}
    edit(parts, WEIGHTS, lambda description: description["config"].update(w=entry))
    parts["data/weights/weight_0"] = b""


def endless_symbol(parts: Parts, mark: Path) -> None:
    edit(parts, GRAPH, lambda graph: graph["range_constraints"].update(u99999999999={"min_val": 0, "max_val": 1}))


DANGEROUS: dict[str, tuple[Change, str]] = {
    "opaque constant": (constant("opaque_obj_0", False), "opaque_obj_0: is a pickled object"),
    "custom constant": (constant("custom_obj_0", True), "custom_obj_0: is a custom object"),
    "pickled constant": (constant("tensor_0", True), "is pickled"),
    "constant elsewhere": (constant("tensor_0/../../../x", False), "does not belong to a model file"),
    "pickled weight": (weight, "w is pickled"),
    "weights of an old file": (legacy, "data/weights/model.pt: is a pickle"),
    "sample input": (sample, r"data/sample_inputs/model.pt: is a pickle that calls .*open"),
    "sample input of another kind": (bare_sample, "data/sample_inputs/model.pt: is a pickle of another kind"),
    "compiled code": (library, "data/aotinductor/model/engine.so: is compiled code"),
    "expression": (replaced("expr_str", python), r"expression .* is not plain arithmetic over symbols"),
    "power of a power": (
        replaced("expr_str", lambda _: "Pow(Pow(Integer(9), Integer(16)), Integer(16))"),
        "is not plain arithmetic",
    ),
    "large power": (replaced("expr_str", lambda _: "Pow(Integer(9), Integer(999999999))"), "is not plain arithmetic"),
    "guard": (guard, "guards_code"),
    "operator": (operator("torch.os.system"), r"operator 'torch.os.system' is not one of a model's"),
    "operator that loads": (operator("torch.ops.load_library"), "operator 'torch.ops.load_library'"),
    "operator on files": (operator("torch.ops.aten.from_file.default"), "operator 'torch.ops.aten.from_file.default'"),
    "name": (replaced("name", lambda mark: f"x = {python(mark)}\ny"), "is not a name"),
    "argument name": (replaced("forward_arg_names", lambda mark: f"x=({python(mark)})"), "is not a name"),
    "tree of inputs": (tree, "is no tree of tuples, lists and dictionaries"),
    "hollow weight": (hollow, "w has 1099511627776 elements in an empty file"),
    "endless symbol": (endless_symbol, "a key is no symbol"),
}


@pytest.mark.parametrize("danger", DANGEROUS)
def test_a_file_that_could_run_code_is_refused_by_the_part_at_fault_and_nothing_runs(
    tiny_model: Path, tmp_path: Path, danger: str
) -> None:
    change, message = DANGEROUS[danger]
    parts, mark = parts_of(tiny_model), tmp_path / "mark"
    change(parts, mark)
    path = write(parts, tmp_path / "danger.pt2")
    with pytest.raises(ContractError, match=message) as refused:
        open_program(path)
    assert str(refused.value).startswith(f"{path}: ") and "could run code" in str(refused.value)
    assert not mark.exists()


def test_a_file_that_is_taken_apart_and_put_together_again_still_opens(tiny_model: Path, tmp_path: Path) -> None:
    """So the files above are refused for what was changed."""
    assert open_program(write(parts_of(tiny_model), tmp_path / "whole.pt2")).manifest.name == "tiny"


@pytest.mark.parametrize("way", ["node", "build_engine", "replay"])
def test_whoever_opens_such_a_file_refuses_it(
    tiny_model: Path, tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parts, mark = parts_of(tiny_model), tmp_path / "mark"
    sample(parts, mark)
    path = write(parts, tmp_path / "danger.pt2")
    if way == "node":
        with pytest.raises(ContractError, match="is a pickle that calls"):
            build_engine(str(path), EngineOptions(device="cpu", in_background=True))
    elif way == "build_engine":
        assert command.main(["--model", str(path), "--size", "48x64"]) == 1
    else:
        arguments = [str(pictures(tmp_path)), "--model", str(path), "--out", str(tmp_path / "out"), "--device", "cpu"]
        assert cli.main(arguments) == 1
    assert way == "node" or "is a pickle that calls" in capsys.readouterr().err
    assert not mark.exists()


def pictures(folder: Path) -> Path:
    made = folder / "pictures"
    made.mkdir()
    cv2.imwrite(str(made / "0.png"), np.zeros((4, 4, 3), np.uint8))
    return made


def test_an_archive_that_grows_when_it_is_read_is_refused_before_it_is_read(tiny_model: Path, tmp_path: Path) -> None:
    parts = parts_of(tiny_model)
    with pytest.raises(ContractError, match="is compressed, which a model file never is"):
        open_program(write(parts, tmp_path / "small.pt2", zipfile.ZIP_DEFLATED))
    nested = io.BytesIO()
    with zipfile.ZipFile(nested, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", bytes(1 << 24))
    with pytest.raises(ContractError, match=rf"{SAMPLE}: .*model/data.pkl: is compressed"):
        open_program(write(parts | {SAMPLE: nested.getvalue()}, tmp_path / "nested.pt2"))
    with zipfile.ZipFile(tmp_path / "overlap.pt2", "w") as archive:
        archive.writestr("tiny/data/weights/weight_0", bytes(1 << 16))
        archive.filelist += [copy.copy(archive.filelist[0]) for _ in range(9)]
        for number, info in enumerate(archive.filelist):
            info.filename = f"tiny/data/weights/weight_{number}"
    with pytest.raises(ContractError, match="its parts are larger than the file: they overlap"):
        open_program(tmp_path / "overlap.pt2")


def test_a_part_that_is_there_twice_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    path = write(parts_of(tiny_model), tmp_path / "twice.pt2")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"tiny/{GRAPH}", "{}")
    with pytest.raises(ContractError, match=rf"{GRAPH}: is there twice"):
        open_program(path)


def test_a_file_that_is_too_large_is_not_read(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MAX_BYTES", 1 << 10)
    with pytest.raises(ContractError, match="a model file has at most 0 MiB"):
        open_program(tiny_model)


def test_a_file_of_another_hash_is_refused_before_it_is_opened(tiny_model: Path, tmp_path: Path) -> None:
    known = open_program(tiny_model).sha256
    assert open_program(tiny_model, known.upper()).sha256 == known
    other = tmp_path / "other.pt2"
    other.write_bytes(b"not a model")
    with pytest.raises(ContractError, match=rf"model_sha256: the file's SHA-256 is \w+, expected is {known}"):
        build_engine(str(other), EngineOptions(model_sha256=known))


def test_infinity_is_a_number_and_text_in_a_numbers_place_is_refused() -> None:
    """PyTorch writes it as text, because JSON has no such number; a masked attention needs it."""
    for text in ("Infinity", "-Infinity", "NaN"):
        assert plain_graph({"as_float": text, "as_floats": [1.5, text]}) == {"as_float": text, "as_floats": [1.5, text]}
    for text in ("- Infinity", "inf", "exit()"):
        with pytest.raises(ContractError, match=r"as_float: .* is not a number"):
            plain_graph({"as_float": text})
