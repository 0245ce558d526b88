"""Opens a model file, checks that it keeps the contract, and refuses anything else by name."""

import copy
import dataclasses
import hashlib
import io
import logging
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass
from torch.fx import GraphModule

from weather_perception.core.archive import MAX_BYTES, clean_archive
from weather_perception.core.contract import (
    INPUT_NAME,
    MANIFEST_FILE,
    OUTPUT_NAMES,
    Bounds,
    ContractError,
    Manifest,
    Sizes,
)
from weather_perception.core.plain_graph import UnsafeModelError

# (dtype, rank, fixed last dimension or None) of every tensor of the contract, in order.
_INPUT = (torch.uint8, 4, 3)
_OUTPUTS = (
    (torch.uint8, 4, 3),
    (torch.uint8, 3, None),
    (torch.uint8, 3, None),
    (torch.float32, 2, None),
    (torch.float32, 2, None),
)


# A dimension without an upper bound has one anyway: nothing larger is a frame.
_MAX_SIZE = 2**31 - 1


@dataclass(frozen=True)
class Program:
    """A checked model file: the exported graph, its manifest and the SHA-256 of its bytes (hex)."""

    exported: ExportedProgram
    manifest: Manifest
    sha256: str
    path: Path

    @property
    def sizes(self) -> Sizes:
        """The frame sizes that the graph was exported for."""
        return _sizes(self.exported)


def module_on(program: Program, device: str | torch.device) -> GraphModule:
    """The program as a module on `device`: its weights, and the constants that its graph makes on the way.

    torch.export writes the device of such constants into the graph; moving the weights alone would leave them behind.
    """
    exported = program.exported
    if torch.device(device).type != "cpu":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch's own, of copying its programs
            exported = copy.deepcopy(exported)
        exported = move_to_device_pass(exported, str(device))
    module = exported.module()
    assert isinstance(module, GraphModule)
    return module


def open_program(path: str | Path, sha256: str = "") -> Program:
    """Read `path`, check that it can run no code, then every promise of the contract, and return the program.

    With `sha256` (hex), a file of another hash is refused before it is opened.

    Raises FileNotFoundError without a file, ContractError (naming the field) for anything that is not a
    model file of this contract: a damaged archive, a missing manifest key, a wrong input or output.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"model file not found: {path}. Set `model` to a .pt2 file written by `python -m training.export`, "
            "or leave it empty for the installed default"
        )
    if path.stat().st_size > MAX_BYTES:
        raise ContractError(f"{path}: {path.stat().st_size >> 20} MiB; a model file has at most {MAX_BYTES >> 20} MiB")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256.lower():
        raise ContractError(
            f"{path}: model_sha256: the file's SHA-256 is {found}, expected is {sha256}; it is another file, or was "
            "replaced: check where it comes from, then give its hash or none"
        )
    files = {MANIFEST_FILE: ""}
    try:
        exported = _load(clean_archive(data), files)
    except UnsafeModelError as error:
        raise ContractError(f"{path}: {error}") from error
    except Exception as error:  # torch.export.load raises any error of its unpickler
        raise ContractError(
            f"{path}: not a readable torch.export program ({type(error).__name__}: {error}); {_remedy(data)}"
        ) from error
    if not files[MANIFEST_FILE]:
        raise ContractError(f"{path}: {MANIFEST_FILE}: missing; export the model with `python -m training.export`")
    try:
        manifest = Manifest.from_json(_text(files[MANIFEST_FILE]))
        _check_graph(exported, manifest)
        exported.example_inputs = ((_sample(exported),), {})
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from error
    return Program(exported, manifest, found, path)


def save_program(exported: ExportedProgram, manifest: Manifest, path: str | Path) -> Program:
    """Write a model file atomically, and return it as `open_program` reads it back."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, warnings.catch_warnings():
        partial = Path(folder) / path.name  # the name counts: torch writes it into the archive
        # torch warns of every channels-last tensor, but saves it completely.
        warnings.filterwarnings("ignore", "No complete tensor found", UserWarning)
        torch.export.save(exported, partial, extra_files={MANIFEST_FILE: manifest.to_json()})
        program = open_program(partial)
        partial.replace(path)
    return dataclasses.replace(program, path=path)


def _load(data: bytes, files: dict[str, Any]) -> ExportedProgram:
    """torch.export.load of a file's bytes, without the stack trace that it logs for a damaged one before it raises."""
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with each_size_parsed_once():
            return torch.export.load(io.BytesIO(data), extra_files=files)
    finally:
        logger.setLevel(level)


def _remedy(data: bytes) -> str:
    """What to do about a file that torch cannot load: a newer torch may have written it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        (name,) = (name for name in archive.namelist() if name.endswith(f"/{MANIFEST_FILE}"))
        writer = Manifest.from_json(_text(archive.read(name))).torch
    except (zipfile.BadZipFile, ValueError):
        return "the file is damaged or of another kind: copy or export it again"
    return f"it was written by torch {writer}, this is torch {torch.__version__}: use that version or a newer one"


def _text(content: str | bytes) -> str:
    return content.decode() if isinstance(content, bytes) else content


def _check_graph(exported: ExportedProgram, manifest: Manifest) -> None:
    """Check names, types and ranks of the graph's inputs and outputs against the contract and the manifest."""
    nodes = {node.name: node.meta.get("val") for node in exported.graph.nodes}
    inputs = exported.graph_signature.user_inputs
    if len(inputs) != 1:
        raise ContractError(f"input: expected one tensor `{INPUT_NAME}`, found {len(inputs)}")
    _check_tensor(INPUT_NAME, nodes[str(inputs[0])], *_INPUT)
    outputs = exported.graph_signature.user_outputs
    if len(outputs) != len(OUTPUT_NAMES):
        raise ContractError(f"outputs: expected {', '.join(OUTPUT_NAMES)}, found {len(outputs)} tensors")
    values = [nodes[str(name)] for name in outputs]
    for name, value, expected in zip(OUTPUT_NAMES, values, _OUTPUTS, strict=True):
        _check_tensor(name, value, *expected)
    for name, value, names in (("weather", values[3], manifest.weathers), ("gates", values[4], manifest.gates)):
        if value.shape[1] != len(names):
            raise ContractError(f"{name}: the graph gives {value.shape[1]} columns, the manifest names {len(names)}")


def _sample(exported: ExportedProgram) -> torch.Tensor:
    """A small input: with one, PyTorch guards the bounds of an input's sizes. The file's own is not opened."""
    low = [size.low for size in _sizes(exported)]
    return torch.zeros(*low, 3, dtype=torch.uint8)


def _sizes(exported: ExportedProgram) -> Sizes:
    image = str(exported.graph_signature.user_inputs[0])
    value = next(node.meta["val"] for node in exported.graph.nodes if node.name == image)
    ranges = [exported.range_constraints[size.node.expr] for size in value.shape[:3]]
    return Sizes(*(Bounds(int(found.lower), int(min(found.upper, _MAX_SIZE))) for found in ranges))


def _check_tensor(name: str, value: Any, dtype: torch.dtype, rank: int, last: int | None) -> None:
    if not isinstance(value, torch.Tensor):
        raise ContractError(f"{name}: expected a tensor, found {type(value).__name__}")
    if value.dtype != dtype:
        raise ContractError(f"{name}: expected {dtype}, found {value.dtype}")
    if value.dim() != rank:
        raise ContractError(f"{name}: expected {rank} dimensions, found {value.dim()}")
    if last is not None and value.shape[-1] != last:
        raise ContractError(f"{name}: expected {last} channels last, found {value.shape[-1]}")
    dynamic = range(1) if name in ("weather", "gates") else range(3)
    fixed = [axis for axis in dynamic if isinstance(value.shape[axis], int)]
    if fixed:
        raise ContractError(
            f"{name}: axis {fixed[0]} is fixed at {value.shape[fixed[0]]}; batch, height and width must be dynamic"
        )


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
