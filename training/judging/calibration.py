"""Measures the calibration error of a classifier, and fits the temperature that corrects it.

Shape legend: N samples, K classes.
"""

from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

BOUNDS = (0.05, 20.0)
"""Bounds of the temperature; without bounds, validation data without an error would lead to 0."""


def expected_calibration_error(probabilities_NK: Tensor, labels_N: Tensor, bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over equal bins of confidence, weighted by samples, 0..1."""
    classes = probabilities_NK.shape[1]
    error = multiclass_calibration_error(probabilities_NK, labels_N, num_classes=classes, n_bins=bins, norm="l1")
    return error.item()


def fit_temperature(logits_NK: Tensor, labels_N: Tensor) -> float:
    """The T within BOUNDS at which softmax(logits / T) has the least cross-entropy; raises ValueError without samples.

    The cross-entropy is convex in 1 / T. Its slope is the mean logit under the model minus the mean logit of the
    labels, so bisection by the slope's sign finds the minimum. The most probable class is the same at any T.
    """
    if not len(labels_N):
        raise ValueError("no samples to fit a temperature on; give validation data")
    logits_NK = logits_NK.detach().double()
    labelled = logits_NK.gather(1, labels_N[:, None]).mean()
    cold, hot = BOUNDS
    for _ in range(50):
        middle = (cold * hot) ** 0.5
        expected = ((logits_NK / middle).softmax(dim=1) * logits_NK).sum(dim=1).mean()
        cold, hot = (middle, hot) if expected > labelled else (cold, middle)
    return (cold * hot) ** 0.5
