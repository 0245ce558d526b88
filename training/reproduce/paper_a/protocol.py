"""Degrades frames by a protocol, with the reflections of the paper's two syntheses and of given pictures."""

from collections.abc import Sequence
from pathlib import Path

from numpy.random import default_rng

from training.data.degradations.arguments import Image
from training.data.degradations.protocols import ADDITIVE, TEXT, degradations
from training.data.degradations.reflections import REFLECTIONS
from training.data.readers.files import IMAGE_SUFFIXES
from training.data.sample import Sample
from weather_perception.core.pictures import read_image


class Degrader:
    """`degrade` by a protocol. Reflections take turns between the paper's two syntheses, by seed.

    `pictures` are reflected in the window, a random one each time; without any, the frame reflects itself.
    """

    def __init__(self, protocol: str = TEXT, noise: str = ADDITIVE, pictures: Sequence[Path] = ()) -> None:
        self._functions = degradations(protocol, noise)
        self._pictures = tuple(pictures)

    def __call__(self, sample: Sample, name: str, severity: float, seed: int) -> Image:
        """The sample's image with the degradation, uint8 [H, W, 3]; severity and seed are those of `degrade`."""
        if name == "reflection":
            synthesis = REFLECTIONS[tuple(REFLECTIONS)[seed % len(REFLECTIONS)]]
            return synthesis(sample.image_HW3, sample.depth_HW, severity, seed, self._layer(seed))
        return self._functions[name](sample.image_HW3, sample.depth_HW, severity, seed)

    def _layer(self, seed: int) -> Image | None:
        if not self._pictures:
            return None
        return read_image(self._pictures[int(default_rng(seed).integers(len(self._pictures)))])


def pictures_in(folder: Path | None) -> list[Path]:
    """The pictures to reflect in a folder; none for None. Raises FileNotFoundError and ValueError if it has none."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of pictures to reflect, such as VOC's JPEGImages")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise ValueError(f"{folder}: holds no pictures to reflect; name VOC's JPEGImages, or a folder like it")
    return found
