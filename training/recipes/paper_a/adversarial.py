"""The adversarial terms of paper A, eq. 3 and eq. 5, as the least-squares GAN that it trains with (end of section 3.3).

The equations are printed in logarithmic form. Scores are any tensor of patch scores; targets are 1 for real, 0 for
fake. Taken in float32, also of half-precision scores.
"""

from torch import Tensor


def discriminate(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """What D1 (eq. 3) or D2 (eq. 5) minimises: half the mean squared distance from 1 on real and from 0 on fake.

    The fake's scores must come from detached maps or images, or the generator would learn to please D.
    """
    return ((real_scores.float() - 1).square().mean() + fake_scores.float().square().mean()) / 2


def deceive(fake_scores: Tensor) -> Tensor:
    """What G1 or G2 minimises: half the mean squared distance of the fake's scores from 1."""
    return (fake_scores.float() - 1).square().mean() / 2
