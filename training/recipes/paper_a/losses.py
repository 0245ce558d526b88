"""The objectives of paper A: SGAda's (eq. 1 and 2) and EGSyn's (eq. 4 and 6), as named terms whose sum is the loss.

Norms are means over elements, so that weights do not depend on the crop's size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from training.recipes.paper_a import variation
from training.recipes.paper_a.adversarial import deceive
from training.recipes.paper_a.config import EGSynLossConfig, SGAdaLossConfig
from training.recipes.paper_a.perceptual import FeatureExtractor, perceptual, style


def refinement(refined_BKHW: Tensor, labels_BHW: Tensor, void: int, class_weights: Sequence[float] = ()) -> Tensor:
    """Cross-entropy of Sr (logits) against Sgt, mean over the pixels with a class (eq. 2); 0 where there is none.

    With `class_weights` (one a class) it is the mean by their weights.
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
    """The weighted terms of L_G1 (eq. 1); `fake_scores` are D1's of {softmax Sr, Id}."""
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
    """The weighted terms of L_G2 (eq. 4); `fake_scores` are D2's of Ir.

    Raises ValueError where the extractor and `config.perceptual_features` disagree: nothing is left out silently.
    """
    if (extractor is None) != (config.perceptual_features == "off"):
        raise ValueError(
            f"perceptual_features is {config.perceptual_features!r}, but "
            f"{'no' if extractor is None else 'a'} feature extractor was given; build it with build_extractor(config)"
        )
    total_variation = variation.printed if config.variation == "printed" else variation.anisotropic
    terms = {
        "l1": config.l1 * reconstruction(restored_B3HW, clear_B3HW),
        "adversarial": config.adversarial * deceive(fake_scores),
        "total_variation": config.total_variation * total_variation(restored_B3HW),
    }
    if extractor is not None:
        found, expected = extractor(restored_B3HW), extractor(clear_B3HW)
        terms["perceptual"] = config.perceptual * perceptual(found, expected)
        terms["style"] = config.style * style(found, expected, config.style_activated)
    return terms
