"""The project's street classes: CamVid's eleven, in CamVid's id order."""

from weather_perception.core.contract import SemanticClass

CLASSES = (
    SemanticClass("sky", (128, 128, 128)),
    SemanticClass("building", (128, 0, 0)),
    SemanticClass("pole", (192, 192, 128)),
    SemanticClass("road", (128, 64, 128)),
    SemanticClass("pavement", (60, 40, 222)),
    SemanticClass("tree", (128, 128, 0)),
    SemanticClass("sign", (192, 128, 128)),
    SemanticClass("fence", (64, 64, 128)),
    SemanticClass("car", (64, 0, 128)),
    SemanticClass("pedestrian", (64, 64, 0)),
    SemanticClass("bicyclist", (0, 128, 192)),
)

CLASS_ID = {semantic_class.name: index for index, semantic_class in enumerate(CLASSES)}

VOID = 255
"""Label of a pixel without class; losses and metrics ignore it."""
