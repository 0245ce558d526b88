"""Mixtures of degradations: the shares of the draws, and their strength."""

import numpy as np
import pytest

from training.data.degradations import LEVELS
from training.data.mixture import SEVERITIES, Mixture


def test_shares_are_kept_and_severities_fit_the_degradation() -> None:
    rng = np.random.default_rng(0)
    mixture = Mixture({"jpeg": 3.0, "fog": 1.0})
    drawn = [mixture.draw(rng) for _ in range(2000)]
    jpeg = [d.severity for d in drawn if d.name == "jpeg"]
    assert 0.7 < len(jpeg) / len(drawn) < 0.8
    assert set(jpeg) == set(range(1, LEVELS["jpeg"] + 1))
    assert all(SEVERITIES[0] <= d.severity <= SEVERITIES[1] for d in drawn if d.name == "fog")
    assert {(d.number, d.name) for d in drawn} == {(0, "jpeg"), (1, "fog")}


@pytest.mark.parametrize("shares", [{}, {"sunshine": 1.0}, {"fog": 0.0}])
def test_a_mixture_that_cannot_be_drawn_is_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mixture: needs positive shares"):
        Mixture(shares)
