"""Street frames in bad weather with clear partners and Cityscapes' labels: Foggy Cityscapes, RainCityscapes, ACDC."""

from collections.abc import Sequence
from pathlib import Path

from training.data.readers.cityscapes import CITYSCAPES_CLASSES, FRAME_STEM, Cityscapes, label_file_code, label_part
from training.data.readers.files import File, Part, check_root, choose, pair, subfolders
from training.data.readers.sets import PairFiles, PairSet
from training.data.source import Source

NUMBER = r"(\d+(?:\.\d+)?)"
LICENCE = Cityscapes.source.licence
FRAMES = f"frames by {Cityscapes.source.attribution}"


class _AdverseCityscapes(PairSet):
    """Degraded frames in a folder of their own beside `leftImg8bit` and `gtFine`."""

    classes = CITYSCAPES_CLASSES
    code_of = staticmethod(label_file_code)
    weather: str
    stem: str
    attribute_names: tuple[str, ...]

    def _find(self, root: Path, folder: str, split: str, strict: bool) -> None:
        choose(root, "split", split, subfolders(root / folder))
        labels = label_part(root / "gtFine" / split)
        clear = Part(root / "leftImg8bit" / split, FRAME_STEM.format("leftImg8bit"), deep=True)
        degraded = Part(root / folder / split, self.stem, deep=True)
        rows, missing = pair(degraded, {"clear partner": clear, "labels": labels}, strict)
        files = [
            PairFiles(
                file.path.stem, file.path, others["clear partner"], others["labels"], self.weather, self._values(file)
            )
            for file, others in rows
        ]
        super().__init__(files, missing)

    def _values(self, file: File) -> dict[str, float]:
        return {name: float(value or 0) for name, value in zip(self.attribute_names, file.groups[1:], strict=True)}


class FoggyCityscapes(_AdverseCityscapes):
    """One split of Foggy Cityscapes; `attributes` hold `beta`, the fog's extinction in 1/m.

        ROOT/leftImg8bit_foggyDBF/{train,val,test}/CITY/CITY_SEQ_FRAME_leftImg8bit_foggy_beta_{0.005,0.01,0.02}.png
        ROOT/leftImg8bit, ROOT/gtFine                                           as in Cityscapes

    The folder may have any name that starts with `leftImg8bit_foggy`; if there are several, a split is FOLDER/SPLIT.
    `betas` keeps only the fogs of these densities. Download, after registration: cityscapes-dataset.com.
    Raises FileNotFoundError for a missing root, split, partner or beta, ValueError for no frames.
    """

    source = Source("Foggy Cityscapes", LICENCE, f"Sakaridis, Dai, Van Gool, IJCV 2018; {FRAMES}", "research")
    weather = "fog"
    stem = FRAME_STEM.format(r"leftImg8bit_foggy[A-Za-z]*_beta_") + NUMBER
    attribute_names = ("beta",)

    def __init__(
        self,
        root: Path | str,
        split: str,
        betas: Sequence[float] | None = None,
        strict: bool = True,
    ) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        *folder, last = split.split("/")
        self._find(root, (folder or self.folders(root))[0], last, strict)
        if betas is not None:
            known = sorted({attributes["beta"] for attributes in self.attributes})
            for beta in betas:
                choose(root, "beta", str(float(beta)), [str(value) for value in known])
            super().__init__([file for file in self.files if file.attributes["beta"] in betas], self.missing)

    @staticmethod
    def folders(root: Path) -> list[str]:
        """The root's folders of foggy frames."""
        return [name for name in subfolders(root) if name.startswith("leftImg8bit_foggy")]

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root; with several folders of foggy frames, those of each, as FOLDER/SPLIT."""
        folders = FoggyCityscapes.folders(root)
        found = [(folder, split) for folder in folders for split in subfolders(root / folder)]
        return [split if len(folders) == 1 else f"{folder}/{split}" for folder, split in found]


class RainCityscapes(_AdverseCityscapes):
    """One split of RainCityscapes; `attributes` hold `alpha`, `beta` (1/m), `dropsize` and `pattern` (1..12).

        ROOT/leftImg8bit_rain/{train,val}/CITY/CITY_SEQ_FRAME_leftImg8bit_rain_alpha_A_beta_B_dropsize_D_pattern_P.png
        ROOT/leftImg8bit, ROOT/gtFine                                           as in Cityscapes

    Download, after registration: cityscapes-dataset.com.
    Raises FileNotFoundError for a missing root, split or partner, ValueError for no frames.
    """

    source = Source("RainCityscapes", LICENCE, f"Hu, Fu, Zhu, Heng, CVPR 2019; {FRAMES}", "research")
    weather = "rain"
    stem = FRAME_STEM.format(rf"leftImg8bit_rain_alpha_{NUMBER}_beta_{NUMBER}_dropsize_{NUMBER}_pattern_(\d+)")
    attribute_names = ("alpha", "beta", "dropsize", "pattern")

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        self._find(check_root(root), "leftImg8bit_rain", split, strict)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root."""
        return subfolders(root / "leftImg8bit_rain")


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
