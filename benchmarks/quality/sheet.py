"""Draws the picture sheet: the worst, the middle and the best frame of every condition.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.quality.judge import Judged, Picture
from weather_perception.core.contract import Image

TILE_ROWS = 180
CAPTION_ROWS = 20
INK = (20, 20, 20)
KINDS = ("worst", "median", "best")

FAILURES_SHOWN = 6
"""How many conditions the picture of failures shows."""


def write_sheet(judged: Sequence[Judged], path: Path) -> None:
    """Write a row for every condition that is shown: degraded, restored and wanted of each of KINDS."""
    _write([_row(one) for one in judged if one.condition.shown], path)


def write_failures(judged: Sequence[Judged], path: Path) -> None:
    """Write the degraded conditions whose worst frames gained least: degraded, restored and wanted of those frames."""
    degraded = sorted((one for one in judged if not one.condition.alone), key=lambda one: one.pictures[0].gain_db)
    rows = []
    for one in degraded[:FAILURES_SHOWN]:
        text = f"{one.condition.name}: {one.pictures[0].gain_db:+.1f} dB; degraded, restored, wanted"
        rows.append(_captioned(text, _triple(one.pictures[0])))
    _write(rows, path)


def _write(rows: Sequence[Image], path: Path) -> None:
    width = max(row.shape[1] for row in rows)
    sheet_HW3 = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
    if not cv2.imwrite(str(path), sheet_HW3[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90]):
        raise ValueError(f"{path}: cannot write this file; choose another folder with --out")


def _row(judged: Judged) -> Image:
    alone = judged.condition.alone
    values = [f"{one.psnr_out:.1f}" if alone else f"{one.gain_db:+.1f}" for one in judged.pictures]
    told = [f"{kind} {value} dB" for kind, value in zip(KINDS, values, strict=True)]
    text = f"{judged.condition.name}: " + ", ".join(told) + "; each degraded, restored, wanted"
    return _captioned(text, np.concatenate([_triple(picture) for picture in judged.pictures], axis=1))


def _captioned(text: str, tiles_HW3: Image) -> Image:
    caption_HW3 = np.full((CAPTION_ROWS, tiles_HW3.shape[1], 3), 255, np.uint8)
    cv2.putText(caption_HW3, text, (6, CAPTION_ROWS - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return np.concatenate([caption_HW3, tiles_HW3])


def _triple(picture: Picture) -> Image:
    return np.concatenate([_tile(one) for one in (picture.degraded_HW3, picture.restored_HW3, picture.clear_HW3)], 1)


def _tile(image_HW3: Image) -> Image:
    size = (max(1, round(image_HW3.shape[1] * TILE_ROWS / image_HW3.shape[0])), TILE_ROWS)
    return np.asarray(cv2.resize(image_HW3, size, interpolation=cv2.INTER_AREA), np.uint8)
