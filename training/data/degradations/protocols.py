"""The degradations as paper A's text has them, or as its authors' released scripts make them."""

from collections.abc import Callable

from training.data.degradations import DEGRADATIONS
from training.data.degradations.arguments import Image, Map
from training.data.degradations.released import RELEASED, released_multiplicative_noise

TEXT, RELEASED_SCRIPTS = PROTOCOLS = ("text", "released")
ADDITIVE, MULTIPLICATIVE = NOISES = ("additive", "multiplicative")
"""The two noises of the released scripts; the paper does not say which of them its tables show."""


def degradations(protocol: str = TEXT, noise: str = ADDITIVE) -> dict[str, Callable[[Image, Map, float, int], Image]]:
    """DEGRADATIONS, with those of RELEASED in their place if the protocol is RELEASED_SCRIPTS."""
    if protocol == TEXT:
        return DEGRADATIONS
    noises = {"gaussian_noise": released_multiplicative_noise} if noise == MULTIPLICATIVE else {}
    return DEGRADATIONS | RELEASED | noises


def check_protocol(degradation: str, protocol: str, noise: str) -> None:
    """Raises ValueError for a protocol or a noise that the degradation does not have."""
    if protocol not in PROTOCOLS or noise not in NOISES:
        raise ValueError(f"protocol: one of {', '.join(PROTOCOLS)}; noise: one of {', '.join(NOISES)}")
    if protocol != TEXT and degradation not in RELEASED:
        raise ValueError(f"protocol: the released scripts have no {degradation}; they have {', '.join(RELEASED)}")
    if noise != ADDITIVE and (protocol == TEXT or degradation != "gaussian_noise"):
        raise ValueError("noise: a choice of the released scripts' gaussian_noise; it needs --protocol released")
