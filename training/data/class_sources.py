"""Maps the classes of a segmenter trained elsewhere to the project's classes, by their names."""

import re
from collections.abc import Mapping, Sequence

STREET_SOURCES = {
    "building": ("wall", "house", "skyscraper"),
    "pole": ("streetlight", "street lamp"),
    "pavement": ("sidewalk", "path"),
    "tree": ("vegetation", "palm", "plant"),
    "sign": ("traffic sign", "traffic light", "signboard"),
    "fence": ("railing", "guard rail"),
    "car": ("truck", "bus", "train", "van", "caravan", "trailer"),
    "pedestrian": ("person",),
    "bicyclist": ("rider", "bicycle", "motorcycle", "minibike"),
}
"""Names of Cityscapes and ADE20K for the project's street classes, merged as CamVid merges its own.

No entry covers classes that CamVid's labels leave void (Cityscapes' terrain, ADE20K's grass and earth) or that no
street shows.
"""


def class_sources(
    labels: Sequence[str], targets: Sequence[str], aliases: Mapping[str, Sequence[str]] = STREET_SOURCES
) -> tuple[tuple[int, ...], ...]:
    """Ids of the `labels` of each of `targets`, in its order; ids without a target are left out.

    A label goes to the target of its own name, else to the target with that alias. A label may be a list of synonyms
    (`sidewalk, pavement`); case and underscores do not matter. Raises ValueError that names the targets without label.
    """
    by_name = {_plain(target): target for target in targets}
    by_alias = {alias: target for target, names in aliases.items() if target in targets for alias in names}
    found: dict[str, list[int]] = {target: [] for target in targets}
    for index, label in enumerate(labels):
        synonyms = [_plain(part) for part in re.split("[,;]", label)]
        target = next((table[name] for table in (by_name, by_alias) for name in synonyms if name in table), None)
        if target is not None:
            found[target].append(index)
    lacking = [target for target, ids in found.items() if not ids]
    if lacking:
        raise ValueError(
            f"no class of the segmenter stands for {', '.join(lacking)}; its classes are {', '.join(labels)}. Use a "
            "segmenter with such classes, or rename its classes (id2label in its config.json)"
        )
    return tuple(tuple(ids) for ids in found.values())


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).strip().lower()
