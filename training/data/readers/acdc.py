"""ACDC: real street frames in fog, night, rain and snow, with labels and a clear frame of the same place."""

from collections.abc import Sequence
from pathlib import Path

from training.data.readers.cityscapes import CITYSCAPES_CLASSES, label_file_code, label_part
from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.sets import PairFiles, PairSet
from training.data.source import Source

REFERENCE = "_ref"
FRAME = r"(.+_frame_\d+)_{}"


class ACDC(PairSet):
    """One split of ACDC; labels are those of the degraded frame, as Cityscapes' train ids.

        ROOT/rgb_anon/{fog,night,rain,snow}/{train,val,test}/SEQ/SEQ_frame_N_rgb_anon.png
        ROOT/rgb_anon/{fog,night,rain,snow}/{train,val,test}_ref/SEQ/SEQ_frame_N_rgb_ref_anon.png
        ROOT/gt/{fog,night,rain,snow}/{train,val}/SEQ/SEQ_frame_N_gt_labelTrainIds.png, or _labelIds.png

    The clear partner was taken at nearly the same place on another day: other cars, other angle, so `aligned` is False.
    The test split has no labels. `weathers` selects some of the root's (default: all). Download, after registration:
    acdc.vision.ee.ethz.ch.
    Raises FileNotFoundError for a missing root, weather, split or partner, ValueError for no frames.
    """

    source = Source("ACDC", "ACDC's own, non-commercial use only", "Sakaridis, Dai, Van Gool, ICCV 2021", "research")
    classes = CITYSCAPES_CLASSES
    code_of = staticmethod(label_file_code)
    aligned = False

    def __init__(
        self, root: Path | str, split: str, weathers: Sequence[str] | None = None, strict: bool = True
    ) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        known = [name for name in subfolders(root / "rgb_anon") if (root / "rgb_anon" / name / split).is_dir()]
        files: list[PairFiles] = []
        missing: list[str] = []
        for weather in known if weathers is None else weathers:
            found, lone = self._of_weather(root, choose(root, "weather", weather, known), split, strict)
            files += found
            missing += lone
        super().__init__(files, missing)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root, in any weather."""
        base = root / "rgb_anon"
        names = {split for weather in subfolders(base) for split in subfolders(base / weather)}
        return sorted(name for name in names if not name.endswith(REFERENCE))

    def _of_weather(
        self, root: Path, weather: str, split: str, strict: bool
    ) -> tuple[list[PairFiles], tuple[str, ...]]:
        base = root / "rgb_anon" / weather
        degraded = Part(base / split, FRAME.format("rgb_anon"), deep=True)
        partners = {"clear partner": Part(base / f"{split}{REFERENCE}", FRAME.format("rgb_ref_anon"), deep=True)}
        if (root / "gt" / weather / split).is_dir():
            partners["labels"] = label_part(root / "gt" / weather / split, "gt", FRAME)
        rows, missing = pair(degraded, partners, strict)
        pairs = [PairFiles(f.key, f.path, o["clear partner"], o.get("labels"), weather) for f, o in rows]
        return pairs, missing
