"""Refuses a model file that could run code when it is opened, and writes a clean copy of one that cannot.

A torch.export archive may hold pickles, compiled libraries and text that PyTorch evaluates; a model of this project
needs none of them. The copy holds what was checked and nothing else, so PyTorch opens exactly that: a zip file that two
readers understand differently has no second meaning left.
"""

import io
import json
import math
import re
import zipfile
from typing import Any

import torch

from weather_perception.core.plain_graph import UnsafeModelError, plain_graph

MAX_BYTES = 1 << 30
"""A larger file is no model for a robot, and is not read."""

_GRAPH, _SAMPLE = "models/model.json", "data/sample_inputs/model.pt"
_CONFIGS = {
    "data/weights/model_weights_config.json": "weight_",
    "data/constants/model_constants_config.json": "tensor_",
}
_ALLOWED = re.compile(
    r"data/weights/weight_\d+|data/constants/tensor_\d+|extra/[\w.-]+|archive_format|archive_version|byteorder"
    r"|\.data/version|\.data/serialization_id|" + "|".join(map(re.escape, (_GRAPH, _SAMPLE, *_CONFIGS)))
)
_WHY = {
    "data/constants/opaque_obj_": "is a pickled object",
    "data/constants/custom_obj_": "is a custom object",
    "data/aotinductor/": "is compiled code",
    "data/weights/model.pt": "is a pickle",
    "data/constants/model.pt": "is a pickle",
}


def clean_archive(data: bytes) -> bytes:
    """The archive with what a model needs, after every part was checked; its sample input is left out.

    Raises UnsafeModelError that names the part at fault, BadZipFile for a damaged archive, and other errors of the
    readers for one of another kind.
    """
    files = _files(zipfile.ZipFile(io.BytesIO(data)), len(data))
    (root,) = {name.partition("/")[0] for name in files} or {""}
    parts = {name.partition("/")[2]: content for name, content in files.items()}
    for name in parts:
        if not _ALLOWED.fullmatch(name):
            why = next(
                (why for start, why in _WHY.items() if name.startswith(start)), "does not belong to a model file"
            )
            raise UnsafeModelError(f"{name}: {why}")
    _check_sample(parts[_SAMPLE])
    parts[_SAMPLE] = b""
    for name, prefix in _CONFIGS.items():
        _check_tensors(name, json.loads(parts[name]), prefix, parts)
    parts[_GRAPH] = json.dumps(plain_graph(json.loads(parts[_GRAPH]))).encode()
    clean = io.BytesIO()
    with zipfile.ZipFile(clean, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(f"{root}/{name}", content)
    return clean.getvalue()


def _files(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    """The content of every file by its name; an archive cannot grow when it is read."""
    files: dict[str, bytes] = {}
    infos = archive.infolist()
    if min((info.header_offset for info in infos), default=0):
        # The end of a file that was cut off is that of an archive inside it.
        raise zipfile.BadZipFile("it does not begin with its first part")
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise UnsafeModelError(f"{info.filename}: is compressed, which a model file never is")
    if sum(info.file_size for info in infos) > size:
        raise UnsafeModelError("its parts are larger than the file: they overlap")
    for info in infos:
        if info.filename in files:
            raise UnsafeModelError(f"{info.filename}: is there twice")
        files[info.filename] = archive.read(info)  # checks its checksum
    return files


def _check_sample(content: bytes) -> None:
    """Refuse a sample input that holds more than tensors; nothing in it is loaded."""
    if not content:
        return
    try:
        _files(zipfile.ZipFile(io.BytesIO(content)), len(content))
        unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content))
    except Exception as error:  # its reader raises anything
        raise UnsafeModelError(f"{_SAMPLE}: is a pickle of another kind than tensors ({error})") from error
    if unsafe:
        raise UnsafeModelError(f"{_SAMPLE}: is a pickle that calls {', '.join(sorted(unsafe))}")


def _check_tensors(name: str, config: Any, prefix: str, parts: dict[str, bytes]) -> None:
    """Refuse weights or constants that are anything but plain tensors, each within its own file."""
    for tensor, entry in config["config"].items():
        path = entry["path_name"]
        if entry["use_pickle"]:
            raise UnsafeModelError(f"{name}: {tensor} is pickled")
        if not re.fullmatch(rf"{prefix}\d+", path):
            raise UnsafeModelError(f"{name}: {tensor} is in {path!r}, not in a {prefix}N")
        sizes = [size["as_int"] for size in entry["tensor_meta"]["sizes"]]
        content = parts[f"{name.rpartition('/')[0]}/{path}"]
        if not content and math.prod(sizes):
            raise UnsafeModelError(f"{name}: {tensor} has {math.prod(sizes)} elements in an empty file")
