"""`python -m training.inspect ROOT`: print the layout, source, contents and gaps of a data set."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.classes import VOID
from training.data.readers.files import choose
from training.data.readers.layouts import LAYOUTS, find_layout, recognise
from training.data.readers.photographs import voc_colour
from training.data.readers.pixels import image_size
from training.data.readers.sets import LabelledSet, Pair, PairSet
from training.data.sample import Sample
from training.data.source import Source
from training.options import positive
from weather_perception.core.contract import SemanticClass

Pixels = NDArray[np.uint8]

ABSENT_SHOWN = 20
SHEET_ROWS = 8
TILE = (180, 320)
CAPTION_ROWS = 18
INK, PAPER = (20, 20, 20), 255


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, or 1 if something is missing or unreadable."""
    options = _parser().parse_args(arguments)
    try:
        name = options.layout or recognise(options.root)[0]
        layout = find_layout(options.root, name)
        splits = layout.splits(options.root)
        if options.split is not None:
            splits = [choose(options.root, "split", options.split, splits)]
    except (FileNotFoundError, ValueError) as error:
        print(f"training.inspect: {error}", file=sys.stderr)
        return 1
    print(f"{options.root}: {name}")
    print("\n".join(describe_source(layout.reader.source)))
    others = [other for other in recognise(options.root) if other != name]
    if others:
        print(f"also has the layout {', '.join(others)}: choose with --layout")
    whole = True
    for split in splits:
        whole &= _inspect_split(options, name, split)
    return 0 if whole else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m training.inspect", description=__doc__)
    parser.add_argument("root", type=Path, help="folder of the unpacked data set")
    parser.add_argument("--layout", choices=LAYOUTS, help="take this layout instead of the first that fits")
    parser.add_argument("--split", help="only this split (default: all)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for a contact sheet of each split")
    parser.add_argument("--limit", type=positive, metavar="N", help="read N frames of each split, evenly spread")
    return parser


def _inspect_split(options: argparse.Namespace, layout: str, split: str) -> bool:
    """Print one split's findings and draw its sheet; True if nothing is wrong with it."""
    try:
        frames = LAYOUTS[layout].open(options.root, split, False)
        chosen = spread(len(frames), options.limit)
        findings = inspect(frames, tqdm(chosen, f"reading {split}", unit="frame", delay=2, leave=False))
        print("\n".join([f"\n{split}: {len(frames)} frames", *describe(frames, findings)]))
        if options.out is not None and not findings.unfit:
            print(f"  sheet    {_write_sheet(frames, options.out, layout, split)}")
    except (FileNotFoundError, ValueError) as error:
        print(f"\n{split}: {error}", file=sys.stderr)
        return False
    return not frames.missing and not findings.unfit


@dataclass
class Findings:
    """Counts of frames, of frames per size (rows, columns), of frames with labels, and of pixels per label id.

    `unfit` names the frames whose labels or clear partner have another size.
    """

    frames: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    unfit: list[str] = field(default_factory=list)
    labelled: int = 0
    pixels_by_label: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))


def spread(count: int, limit: int | None) -> list[int]:
    """At most `limit` of the indices 0..count-1, evenly spread; all of them without a limit."""
    if limit is None or limit >= count:
        return list(range(count))
    return [index * count // limit for index in range(limit)]


def inspect(frames: LabelledSet | PairSet, indices: Iterable[int]) -> Findings:
    """Inspect the frames at the indices. Raises ValueError for an unreadable file or a label out of range."""
    findings = Findings()
    for index in indices:
        findings.frames += 1
        size = image_size(frames.image_path(index))
        findings.sizes[size] += 1
        partner_sizes = {image_size(frames.files[index].clear)} if isinstance(frames, PairSet) else set()
        labels_HW = frames.labels(index)
        if labels_HW is not None:
            findings.labelled += 1
            findings.pixels_by_label += np.bincount(labels_HW.ravel(), minlength=256)
            partner_sizes.add((labels_HW.shape[0], labels_HW.shape[1]))
        if frames.one_size and partner_sizes - {size}:
            findings.unfit.append(frames.names[index])
    return findings


def describe_source(source: Source) -> list[str]:
    """The source as lines of text: name, licence and credit."""
    return [f"source   {source.name}", f"licence  {source.licence}", f"credit   {source.attribution or 'not stated'}"]


def describe(frames: LabelledSet | PairSet, findings: Findings) -> list[str]:
    """The findings as lines of text."""
    lines = [f"  read     {findings.frames} of {len(frames)}"] if findings.frames < len(frames) else []
    sizes = (f"{columns} x {rows} ({count})" for (rows, columns), count in findings.sizes.most_common(5))
    rest = len(findings.sizes) - 5
    lines.append(f"  sizes    {', '.join(sizes)}{f' and {rest} more' if rest > 0 else ''}")
    if isinstance(frames, PairSet):
        counts = Counter(weather or "unnamed" for weather in frames.weathers)
        lines.append(f"  weathers {', '.join(f'{weather} {count}' for weather, count in sorted(counts.items()))}")
        if not frames.aligned:
            lines.append("  clear partners show the same place from another angle: not for PSNR or SSIM")
    missing = f", the first is {frames.missing[0]}" if frames.missing else ""
    lines.append(f"  missing  {len(frames.missing)} frames without a partner{missing}")
    if findings.unfit:
        lines.append(
            f"  unfit    {len(findings.unfit)} have partners of another size, the first is {findings.unfit[0]}"
        )
    return lines + _class_lines(frames, findings)


def _class_lines(frames: LabelledSet | PairSet, findings: Findings) -> list[str]:
    total = int(findings.pixels_by_label.sum())
    if not total:
        return ["  labels   none"]
    void = findings.pixels_by_label[VOID] / total
    lines = [f"  labels   of {findings.labelled} frames, {void:.2%} of the pixels void; of the rest:"]
    known = findings.pixels_by_label[:VOID]
    for index in np.argsort(-known, kind="stable"):
        if known[index]:
            name = frames.classes[index].name if index < len(frames.classes) else f"class {index}"
            lines.append(f"    {known[index] / known.sum():7.2%}  {name}")
    absent = [c.name for index, c in enumerate(frames.classes) if not known[index]]
    if absent:
        rest = f" and {len(absent) - ABSENT_SHOWN} more" if len(absent) > ABSENT_SHOWN else ""
        lines.append(f"    absent   {', '.join(absent[:ABSENT_SHOWN])}{rest}")
    return lines


def _write_sheet(frames: LabelledSet | PairSet, out: Path, layout: str, split: str) -> Path:
    chosen = spread(len(frames), SHEET_ROWS)
    items = [frames[index] for index in tqdm(chosen, f"drawing {split}", unit="frame", delay=2, leave=False)]
    sheet_HW3 = contact_sheet(items, [frames.names[index] for index in chosen], frames.classes)
    out.mkdir(parents=True, exist_ok=True)
    # The split `.` is the root itself and adds nothing to the name.
    path = out / ("-".join([layout, *Path(split).parts]) + ".png")
    if not cv2.imwrite(str(path), sheet_HW3[:, :, ::-1]):
        raise ValueError(f"{path}: cannot write this file; choose another folder with --out")
    return path


def palette(classes: Sequence[SemanticClass]) -> Pixels:
    """Colours by class id, uint8 [256, 3] RGB; ids without a class have VOC's colours, void is black."""
    colours = np.array([voc_colour(index) for index in range(256)], np.uint8)
    if classes:
        colours[: len(classes)] = [semantic_class.color for semantic_class in classes]
    colours[VOID] = 0
    return colours


def contact_sheet(items: Sequence[Sample | Pair], names: Sequence[str], classes: Sequence[SemanticClass]) -> Pixels:
    """The sheet, uint8 [H, W, 3] RGB: captions over rows of tiles; pictures keep their aspect within TILE."""
    colours = palette(classes)
    rows = [_row(item, name, colours) for item, name in zip(items, names, strict=True)]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER) for row in rows]
    return np.concatenate(padded)


def _row(item: Sample | Pair, name: str, colours: Pixels) -> Pixels:
    tiles = [_tile(item.image_HW3 if isinstance(item, Sample) else item.degraded_HW3, cv2.INTER_AREA)]
    if item.labels_HW is not None:
        # A mean of two classes' colours would show a third class.
        tiles.append(_tile(colours[item.labels_HW], cv2.INTER_NEAREST))
    if isinstance(item, Pair):
        tiles.append(_tile(item.clear_HW3, cv2.INTER_AREA))
    tiles_HW3 = np.concatenate(tiles, axis=1)
    caption = np.full((CAPTION_ROWS, tiles_HW3.shape[1], 3), PAPER, np.uint8)
    cv2.putText(caption, name, (4, CAPTION_ROWS - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return np.concatenate([caption, tiles_HW3])


def _tile(picture_HW3: Pixels, interpolation: int) -> Pixels:
    factor = min(TILE[0] / picture_HW3.shape[0], TILE[1] / picture_HW3.shape[1])
    rows, columns = (max(1, round(length * factor)) for length in picture_HW3.shape[:2])
    tile = np.full((*TILE, 3), PAPER, np.uint8)
    tile[:rows, :columns] = cv2.resize(picture_HW3, (columns, rows), interpolation=interpolation)
    return tile


if __name__ == "__main__":
    sys.exit(main())
