"""`python -m training.export CHECKPOINT --out NAME.pt2`: write and check the model file, and write its card."""

import argparse
import copy
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import torch._dynamo.config
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from training import recipes
from training.card import CardError, card, check_card
from training.data.degradations import WEATHERS, degrade
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.loop.checkpoint import CheckpointError
from training.models.deploy import fold_batch_norms
from training.options import add_checkpoint
from training.segmenters.hugging_face import SegmenterError
from weather_perception.core.contract import OUTPUT_NAMES, Manifest
from weather_perception.core.program import Program, save_program

SIZES = ((360, 640), (97, 131), (64, 64))
"""Frame sizes (rows, columns) of the check, each in every weather."""


class ExportError(RuntimeError):
    """The model file and the checkpoint give different results; the message names the output."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.export", description=__doc__)
    add_checkpoint(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="NAME.pt2", help="the model file to write")
    parser.add_argument("--base", type=Path, metavar="BASE.pt2", help="also write the base segmenter as a model file")
    options = parser.parse_args(arguments)
    if any(path.suffix != ".pt2" for path in (options.out, options.base) if path):
        parser.error("--out and --base: a model file's name ends in .pt2")
    try:
        for path in filter(None, (options.out, options.base)):
            path.parent.mkdir(parents=True, exist_ok=True)
        check_card(options.out.with_suffix(".md"))
        found = recipes.open_deployable(options.checkpoint, options.segmenter, options.averaged)
        program = write(found.model, found.manifest(options.out.stem), options.out)
        options.out.with_suffix(".md").write_text(card(program))
        if options.base:
            write(found.base, found.base_manifest(options.base.stem), options.base)
    except (CardError, CheckpointError, SegmenterError, ExportError, OSError) as error:
        print(f"training.export: {error}", file=sys.stderr)
        return 1
    return 0


def write(module: nn.Module, described: Manifest, path: Path) -> Program:
    """Export and save the module, then compare the file with it; raises ExportError and deletes a file that differs."""
    module = module.eval()
    program = save_program(export_program(module), described, path)
    try:
        agreement = compare(module, program.exported.module())
    except ExportError:
        path.unlink()
        raise
    size = path.stat().st_size / 2**20
    print(f"{path}: {size:.2f} MiB, sha256 {program.sha256[:12]}, largest differences from the checkpoint: {agreement}")
    return program


def export_program(module: nn.Module) -> ExportedProgram:
    """Export a module of the model file's contract, with folded normalisation and dynamic batch, height and width."""
    module = fold_batch_norms(copy.deepcopy(module))
    module = module.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    shape = {0: Dim("batch", min=1, max=64), 1: Dim("height", min=1, max=8192), 2: Dim("width", min=1, max=8192)}
    example = torch.zeros(2, 97, 131, 3, dtype=torch.uint8)
    # With dynamic sizes the cache of traced operators costs more than it saves: a third of the time for a deep network.
    with torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
        return torch.export.export(
            module, (example,), dynamic_shapes=(shape,), prefer_deferred_runtime_asserts_over_guards=True
        )


@torch.inference_mode()
def compare(module: nn.Module, exported: nn.Module) -> dict[str, float]:
    """The largest difference of each output over unseen frames in all weathers and SIZES; raises ExportError.

    The tolerances allow for rounding by the folded normalisations: one grey level, 0.01 of a probability, and other
    class ids on at most 1 pixel in 1000.
    """
    worst = dict.fromkeys(OUTPUT_NAMES, 0.0)
    limits = {"restored": 1.0, "labels": 1e-3, "confidence": 2.0, "weather": 1e-2, "gates": 1e-2}
    for rows, columns in SIZES:
        sample = Drive(UNSEEN_SEEDS_FROM, rows, columns).render(5.0)
        frames = torch.stack([torch.from_numpy(degrade(sample, weather, 0.7, 1)) for weather in WEATHERS])
        for name, expected, found in zip(OUTPUT_NAMES, module(frames), exported(frames), strict=True):
            worst[name] = max(worst[name], difference(name, expected, found))
    for name, value in worst.items():
        if value > limits[name]:
            raise ExportError(
                f"{name}: the model file differs from the checkpoint by {value:g}, allowed {limits[name]:g}"
            )
    return {name: round(value, 6) for name, value in worst.items()}


def difference(name: str, expected: Tensor, found: Tensor) -> float:
    """The share of pixels that differ for class ids, the largest absolute difference for all other outputs."""
    if expected.numel() == 0:
        return 0.0
    if name == "labels":
        return (expected != found).float().mean().item()
    return (expected.float() - found.float()).abs().max().item()


if __name__ == "__main__":
    sys.exit(main())
