"""The bonnet or dashboard that many cameras have at the lower edge of their picture."""

import cv2
import numpy as np
from numpy.random import Generator

from training.data.classes import VOID
from training.data.sample import Sample

SHARE = 0.2
"""Of the frames, that get one."""

DISTANCE_M = 0.8


def with_bonnet(sample: Sample, rng: Generator) -> Sample:
    """The sample, at a share SHARE with a bonnet: dark or shiny, without label, closer than any weather.

    Without it, a model knows weather by its nearest pixels, which a bonnet hides.
    """
    if rng.random() >= SHARE:
        return sample
    height, width = sample.labels_HW.shape
    column_W = (np.arange(width) + 0.5) / width
    top_W = 1 - rng.uniform(0.05, 0.25) + rng.uniform(0, 0.12) * (2 * column_W - rng.uniform(0.6, 1.4)) ** 2
    below_HW = (np.arange(height)[:, None] + 0.5) / height - top_W[None, :]
    paint_3 = rng.uniform(8, 150) * (1 + rng.normal(0, 0.08, 3))
    # Paint mirrors the scene above it, blurred and upside down.
    small_hw3 = cv2.resize(sample.image_HW3[::-1], (max(1, width // 16), max(1, height // 16)))
    mirrored_HW3 = cv2.resize(small_hw3, (width, height), interpolation=cv2.INTER_LINEAR)
    shine = rng.uniform(0, 0.35)
    bonnet_HW3 = np.clip((1 - shine) * paint_3 + shine * mirrored_HW3, 0, 255).astype(np.uint8)
    alpha_HW = np.clip(below_HW * height / rng.uniform(1, 4) + 0.5, 0, 1).astype(np.float32)
    image_HW3 = cv2.blendLinear(sample.image_HW3, bonnet_HW3, 1 - alpha_HW, alpha_HW)
    inside_HW = alpha_HW > 0.5
    return sample._replace(
        image_HW3=np.asarray(image_HW3, np.uint8),
        labels_HW=np.where(inside_HW, np.uint8(VOID), sample.labels_HW),
        depth_HW=np.where(inside_HW, np.float32(DISTANCE_M), sample.depth_HW),
    )
