"""Losses of paper A, SGAda's (eq. 1 and 2) and EGSyn's (eq. 4 to 9), as named terms whose sum is the loss.

Norms are means over elements, so that weights do not depend on the crop's size. The paper prints the adversarial terms
(eq. 3 and 5) in logarithmic form; training uses the least-squares GAN, as the end of section 3.3 says. Patch scores are
tensors of any shape, converted to float32; targets are 1 for real, 0 for fake. The paper prints eq. 9 as one norm of a
difference, ||grad_x I - grad_y I||_1, which is zero on a diagonal ramp; its text ("the absolute gradient of generated
images") means the anisotropic total variation, our default.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from training.recipes.paper_a.config import EGSynLossConfig, SGAdaLossConfig


class FeatureExtractor(Protocol):
    """Image [B, 3, H, W] 0..1 -> feature maps before activation, one [B, C, h, w] per layer."""

    def __call__(self, image_B3HW: Tensor, /) -> Sequence[Tensor]: ...


def refinement(refined_BKHW: Tensor, labels_BHW: Tensor, void: int, class_weights: Sequence[float] = ()) -> Tensor:
    """Cross-entropy between Sr (logits) and Sgt, mean over the pixels with a class (eq. 2); 0 if there are none.

    With `class_weights` (one per class) it is a weighted mean.
    """
    weights_K = refined_BKHW.new_tensor(class_weights or [1.0] * refined_BKHW.shape[1])
    total = F.cross_entropy(refined_BKHW, labels_BHW.long(), weights_K, ignore_index=void, reduction="sum")
    known = labels_BHW != void
    weight = weights_K[torch.where(known, labels_BHW, 0).long()] * known
    return total / weight.sum().clamp(min=1)


def reconstruction(restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
    """Mean absolute difference (eq. 6)."""
    return F.l1_loss(restored_B3HW, clear_B3HW)


def sgada_terms(
    config: SGAdaLossConfig, refined_BKHW: Tensor, labels_BHW: Tensor, fake_scores: Tensor
) -> dict[str, Tensor]:
    """The weighted terms of L_G1 (eq. 1); `fake_scores` are D1's scores of {softmax Sr, Id}."""
    return {
        "adversarial": deceive(fake_scores),
        "cross_entropy": config.cross_entropy * refinement(refined_BKHW, labels_BHW, config.void, config.class_weights),
    }


def egsyn_terms(
    config: EGSynLossConfig,
    restored_B3HW: Tensor,
    clear_B3HW: Tensor,
    fake_scores: Tensor,
    extractor: FeatureExtractor | None,
) -> dict[str, Tensor]:
    """The weighted terms of L_G2 (eq. 4); `fake_scores` are D2's scores of Ir.

    Raises ValueError if `extractor` and `config.perceptual_features` disagree, so that no term is left out silently.
    """
    if (extractor is None) != (config.perceptual_features == "off"):
        raise ValueError(
            f"perceptual_features is {config.perceptual_features!r}, but "
            f"{'no' if extractor is None else 'a'} feature extractor was given; build it with build_extractor(config)"
        )
    variation = printed_variation if config.variation == "printed" else total_variation
    terms = {
        "l1": config.l1 * reconstruction(restored_B3HW, clear_B3HW),
        "adversarial": config.adversarial * deceive(fake_scores),
        "total_variation": config.total_variation * variation(restored_B3HW),
    }
    if extractor is not None:
        found, expected = extractor(restored_B3HW), extractor(clear_B3HW)
        terms["perceptual"] = config.perceptual * perceptual(found, expected)
        terms["style"] = config.style * style(found, expected, config.style_activated)
    return terms


def discriminate(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """The loss of D1 (eq. 3) or D2 (eq. 5): half the mean squared distances of real scores to 1 and fake ones to 0.

    The fake scores must come from detached maps or images, or the generator would learn to help D.
    """
    return ((real_scores.float() - 1).square().mean() + fake_scores.float().square().mean()) / 2


def deceive(fake_scores: Tensor) -> Tensor:
    """The adversarial loss of G1 or G2: half the mean squared distance of the fake scores to 1."""
    return (fake_scores.float() - 1).square().mean() / 2


def perceptual(restored_features: Sequence[Tensor], clear_features: Sequence[Tensor]) -> Tensor:
    """Mean absolute distance of the features, mean over the layers (eq. 7, which leaves the sum over i open)."""
    return _mean_l1(restored_features, clear_features)


def style(restored_features: Sequence[Tensor], clear_features: Sequence[Tensor], activated: bool = False) -> Tensor:
    """Mean absolute distance of the Gram matrices, mean over the layers (eq. 8); `activated` applies ReLU first."""
    grams = [[gram(x.relu() if activated else x) for x in features] for features in (restored_features, clear_features)]
    return _mean_l1(*grams)


def gram(features_BCHW: Tensor) -> Tensor:
    """Channel correlations [B, C, C] over all positions, divided by C * H * W; float32 even under autocast."""
    with torch.autocast(features_BCHW.device.type, enabled=False):
        flat_BCP = features_BCHW.float().flatten(2)
        return flat_BCP @ flat_BCP.transpose(1, 2) / flat_BCP[0].numel()


def _mean_l1(found: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    return torch.stack([F.l1_loss(a, b) for a, b in zip(found, expected, strict=True)]).mean()


def total_variation(image_BCHW: Tensor) -> Tensor:
    """Mean |I(y, x+1) - I(y, x)| plus mean |I(y+1, x) - I(y, x)|."""
    return image_BCHW.diff(dim=3).abs().mean() + image_BCHW.diff(dim=2).abs().mean()


def printed_variation(image_BCHW: Tensor) -> Tensor:
    """Eq. 9 as printed: mean |grad_x I - grad_y I| over the pixels with both forward differences."""
    return (image_BCHW.diff(dim=3)[:, :, :-1] - image_BCHW.diff(dim=2)[:, :, :, :-1]).abs().mean()
