"""Classes of the data sets: their names, and display colours."""

from collections.abc import Sequence

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
    """Classes of these names in VOC's palette, of which the first class takes colour number `first`."""
    return tuple(SemanticClass(name.strip(), voc_colour(first + index)) for index, name in enumerate(names))
