"""Photographs of everyday scenes with a class for every pixel: ADE20K, PASCAL VOC 2012, COCO-Stuff; VOC's palette."""

from collections.abc import Sequence
from pathlib import Path

from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.pixels import label_code
from training.data.readers.sets import LabelledFiles, LabelledSet
from training.data.source import Source
from weather_perception.core.contract import SemanticClass


def voc_colour(index: int) -> tuple[int, int, int]:
    """Colour of a class id, 0..255, in PASCAL VOC's palette: three bits of the id at a time, spread over R, G and B."""
    red = green = blue = 0
    for bit in range(7, -1, -1):
        red |= (index & 1) << bit
        green |= (index >> 1 & 1) << bit
        blue |= (index >> 2 & 1) << bit
        index >>= 3
    return red, green, blue


def coloured(names: Sequence[str], first: int = 0) -> tuple[SemanticClass, ...]:
    """Classes of these names in VOC's palette; the first class takes colour number `first`."""
    return tuple(SemanticClass(name.strip(), voc_colour(first + index)) for index, name in enumerate(names))


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by white space; an underscore is a blank within a name."""
    return tuple(name.replace("_", " ") for name in text.split())


ADE20K_NAMES = split_names("""
wall building sky floor tree ceiling road bed windowpane grass cabinet sidewalk person earth door table mountain
plant curtain chair car water painting sofa shelf house sea mirror rug field armchair seat fence desk rock wardrobe
lamp bathtub railing cushion base box column signboard chest_of_drawers counter sand sink skyscraper fireplace
refrigerator grandstand path stairs runway case pool_table pillow screen_door stairway river bridge bookcase blind
coffee_table toilet flower book hill bench countertop stove palm kitchen_island computer swivel_chair boat bar
arcade_machine hovel bus towel light truck tower chandelier awning streetlight booth television_receiver airplane
dirt_track apparel pole land bannister escalator ottoman bottle buffet poster stage van ship fountain conveyer_belt
canopy washer plaything swimming_pool stool barrel basket waterfall tent bag minibike cradle oven ball food step
tank trade_name microwave pot animal bicycle lake dishwasher screen blanket sculpture hood sconce vase traffic_light
tray ashcan fan pier crt_screen plate monitor bulletin_board shower radiator glass clock flag
""")
"""The 150 classes of ADE20K's scene parsing benchmark, by the first name of each."""

COCO_STUFF_NAMES = split_names("""
person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant street_sign stop_sign
parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe hat backpack umbrella shoe eye_glasses
handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove skateboard surfboard
tennis_racket bottle plate wine_glass cup fork knife spoon bowl banana apple sandwich orange broccoli carrot hot_dog
pizza donut cake chair couch potted_plant bed mirror dining_table window desk toilet door tv laptop mouse remote
keyboard cell_phone microwave oven toaster sink refrigerator blender book clock vase scissors teddy_bear hair_drier
toothbrush hair_brush banner blanket branch bridge building-other bush cabinet cage cardboard carpet ceiling-other
ceiling-tile cloth clothes clouds counter cupboard curtain desk-stuff dirt door-stuff fence floor-marble floor-other
floor-stone floor-tile floor-wood flower fog food-other fruit furniture-other grass gravel ground-other hill house
leaves light mat metal mirror-stuff moss mountain mud napkin net paper pavement pillow plant-other plastic platform
playingfield railing railroad river road rock roof rug salad sand sea shelf sky-other skyscraper snow solid-other
stairs stone straw structural-other table tent textile-other towel tree vegetable wall-brick wall-concrete
wall-other wall-panel wall-stone wall-tile wall-wood water-other waterdrops window-blind window-other wood
""")
"""COCO's 91 things, of which eleven were never labelled, then the 91 kinds of stuff."""


VOC_NAMES = split_names(
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
)
VOC_LABELS, VOC_AUGMENTED = "SegmentationClass", "SegmentationClassAug"
"""VOC's folders of labels: its own, and those of Hariharan et al., ICCV 2011, for 10,582 frames of training."""

YEAR = "2017"
"""The end of the names of COCO-Stuff's folders."""


class ADE20K(LabelledSet):
    """One split of ADE20K in the form of the MIT Scene Parsing Benchmark, 150 classes of indoor and outdoor scenes.

        ROOT/images/{training,validation}/ADE_train_00000001.jpg
        ROOT/annotations/{training,validation}/ADE_train_00000001.png

    Labels are 0..149, the files' 1..150 less one; the files' 0 (other) is void. ROOT is ADEChallengeData2016 or its
    parent folder. Download: sceneparsing.csail.mit.edu.
    Raises FileNotFoundError for a missing root, split or label, ValueError for a split without frames.
    """

    source = Source(
        "ADE20K",
        "annotations BSD 3-Clause; images for non-commercial research and education only",
        "Zhou, Zhao, Puig, Fidler, Barriuso, Torralba, CVPR 2017",
        "research",
    )
    classes = coloured(ADE20K_NAMES, first=1)
    code = label_code({value: value - 1 for value in range(1, 151)}, void=(0,))

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        base = _inner(root, "ADEChallengeData2016")
        labels = {"labels": Part(base / "annotations" / split, suffixes=(".png",))}
        rows, missing = pair(Part(base / "images" / split, suffixes=(".jpg", ".png")), labels, strict)
        super().__init__([LabelledFiles(file.key, file.path, others["labels"]) for file, others in rows], missing)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits with both images and annotations."""
        base = _inner(root, "ADEChallengeData2016")
        names = set(subfolders(base / "images")) & set(subfolders(base / "annotations"))
        return sorted(names & {"training", "validation"})


class VOC2012(LabelledSet):
    """One list of PASCAL VOC 2012; labels are 0..20 (0 background), the outlines void.

        ROOT/JPEGImages/YEAR_NUMBER.jpg
        ROOT/SegmentationClass/YEAR_NUMBER.png                  palette images, 255 void
        ROOT/SegmentationClassAug/YEAR_NUMBER.png               optional: the labels of Hariharan et al., one channel
        ROOT/ImageSets/Segmentation/{train,val,trainval}.txt    one name a line

    A list with `aug` in its name (train_aug, trainaug) has the labels of SegmentationClassAug. A line may also have the
    two paths of its files, /JPEGImages/NAME.jpg and /SegmentationClassAug/NAME.png. ROOT is VOCdevkit/VOC2012 or a
    parent folder of it. Download: host.robots.ox.ac.uk/pascal/VOC.
    Raises FileNotFoundError for a missing root, list, image or label, ValueError for an empty list.
    """

    source = Source(
        "PASCAL VOC 2012",
        "photographs under Flickr's terms of use",
        "Everingham, Van Gool, Williams, Winn, Zisserman, PASCAL VOC Challenge 2012",
    )
    classes = coloured(VOC_NAMES)
    code = label_code(21)

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        base = _inner(root, "VOCdevkit/VOC2012", "VOC2012")
        labels = {"labels": Part(base / (VOC_AUGMENTED if "aug" in split else VOC_LABELS), suffixes=(".png",))}
        listed = _names(base / "ImageSets" / "Segmentation" / f"{split}.txt")
        images = Part(base / "JPEGImages", suffixes=(".jpg", ".png"), only=frozenset(listed))
        rows, missing = pair(images, labels, strict)
        found = {file.key for file, _ in rows} | set(missing)
        absent = [name for name in listed if name not in found]
        if absent and strict:
            raise FileNotFoundError(
                f"{base / 'JPEGImages'}: {len(absent)} of {len(listed)} frames listed in {split}.txt are missing, "
                f"the first is {absent[0]}"
            )
        super().__init__([LabelledFiles(f.key, f.path, others["labels"]) for f, others in rows], (*missing, *absent))

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The lists of the root."""
        base = _inner(root, "VOCdevkit/VOC2012", "VOC2012")
        return sorted(path.stem for path in (base / "ImageSets" / "Segmentation").glob("*.txt"))


class COCOStuff(LabelledSet):
    """One split of COCO-Stuff: COCO's photographs, every pixel labelled as a thing or as stuff.

        ROOT/images/{train,val}2017/000000000009.jpg
        ROOT/annotations/{train,val}2017/000000000009.png       255 void (stuffthingmaps_trainval2017.zip)

    Labels are 0..181, COCO's category numbers less one; eleven of them are never used. Download:
    github.com/nightrome/cocostuff.
    Raises FileNotFoundError for a missing root, split or label, ValueError for a split without frames.
    """

    source = Source(
        "COCO-Stuff",
        "annotations CC BY 4.0; photographs under Flickr's terms of use",
        "Caesar, Uijlings, Ferrari, CVPR 2018",
    )
    classes = coloured(COCO_STUFF_NAMES, first=1)
    code = label_code(182)

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        labels = {"labels": Part(root / "annotations" / f"{split}{YEAR}", r"(\d+)", suffixes=(".png",))}
        rows, missing = pair(Part(root / "images" / f"{split}{YEAR}", suffixes=(".jpg", ".png")), labels, strict)
        super().__init__([LabelledFiles(file.key, file.path, others["labels"]) for file, others in rows], missing)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits with both images and annotations."""
        both = set(subfolders(root / "images")) & set(subfolders(root / "annotations"))
        return sorted(name.removesuffix(YEAR) for name in both if name.endswith(YEAR))


def _inner(root: Path, *folders: str) -> Path:
    """The first of the folders that the root has, else the root itself."""
    return next((root / folder for folder in folders if (root / folder).is_dir()), root)


def _names(path: Path) -> list[str]:
    names = [Path(line.split()[0]).stem for line in path.read_text().splitlines() if line.strip()]
    if not names:
        raise ValueError(f"{path}: holds no names; expected one a line")
    return names
