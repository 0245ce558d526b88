"""StreetNet, the deployable model: levels, router, encoder, EGSyn, and SGAda on a second look."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import check_size
from training.models.pyramid import CompactSGAda, Encoder, Features
from training.recipes.street_net.config import StreetNetConfig
from training.recipes.street_net.heads import FineStem, LightEGSyn
from training.recipes.street_net.levels import Levels, Trunk, toned
from training.recipes.street_net.router import StreetRouter, StreetRouting
from training.recipes.street_net.texture import Texture
from training.segmenters.base import BaseConfig, BaseSegmenter, OnBaseSegmenter


class Restoration(NamedTuple):
    """The restored image and what leads to it; images are not clamped, so that the losses see values outside 0..1.

    `levels_B6hw`: the tones of the levels alone. `detail_B3HW`: what was added to the degraded image before the tones.
    """

    restored_B3HW: Tensor
    levels_B6hw: Tensor
    detail_B3HW: Tensor
    routing: StreetRouting
    features: Features


class Prediction(NamedTuple):
    """The model's outputs. `base_BKHW`: the base segmenter's logits of the restored image."""

    restoration: Restoration
    refined_BKHW: Tensor
    base_BKHW: Tensor


class StreetNet(OnBaseSegmenter):
    """Image [B, 3, H, W], 0..1, H and W multiples of 16 -> Prediction, with mask logits at H/4 x W/4.

    Ir = Id + (1 - p(clear)) * residual: a frame that may be clear changes little. The mask is of a second look: the
    base segmenter sees the restored frame, and SGAda refines with the features of the degraded one. No gradient passes
    from the mask to the restoration. Raises ValueError for other sizes.
    """

    def __init__(self, config: StreetNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.width4, config.width8, config.width16)
        self.trunk = Trunk(config.trunk_width)
        self.levels = Levels(config.trunk_width, config.bins)
        self.texture = Texture()
        self.router = StreetRouter(config.trunk_width, len(config.weathers), config.encoder_experts)
        self.stem = FineStem(config.width4)
        self.hint = nn.Conv2d(6, config.width4, 1)
        self.encoder = Encoder(*widths, config.encoder_experts)
        self.egsyn = LightEGSyn(*widths, len(config.weathers))
        self.segmenter = BaseSegmenter(BaseConfig(config.classes, config.segmenter_widths))
        self.sgada = CompactSGAda(config.classes, *widths)

    def forward(self, image_B3HW: Tensor, weather_BK: Tensor | None = None) -> Prediction:
        """Restore as `restore` does, then look again for the mask."""
        restoration = self.restore(image_B3HW, weather_BK)
        base = self.base(restoration.restored_B3HW.detach().clamp(0, 1))
        return Prediction(restoration, self.sgada(base.softmax(dim=1), restoration.features), base)

    def restore(self, image_B3HW: Tensor, weather_BK: Tensor | None = None) -> Restoration:
        """Restore; a row of known weathers `weather_BK` that is not zero mixes the experts instead of the posterior."""
        check_size("street_net", image_B3HW, 16)
        quarter = F.avg_pool2d(image_B3HW, 4)
        seen = self.trunk(quarter)
        shallow = self.stem(image_B3HW)
        routing = self.router(seen, self.texture(image_B3HW, quarter))
        levels = self.levels(seen, quarter)
        features = self.encoder(shallow + self.hint(levels), routing.encoder8_BE, routing.encoder16_BE)
        gate_BK = routing.weather_BK.detach()
        if weather_BK is not None:
            gate_BK = torch.where(weather_BK.sum(dim=1, keepdim=True) > 0, weather_BK, gate_BK)
        detail, correction = self.egsyn(features, gate_BK)
        changed = 1 - gate_BK[:, :1, None, None]  # clear is the first weather
        residual = toned(image_B3HW + detail, levels + correction) - image_B3HW
        return Restoration(image_B3HW + changed * residual, levels, detail, routing, features)

    def detail(self, image_B3HW: Tensor, weather_BK: Tensor) -> Tensor:
        """The detail [B, 3, H, W] alone, for known weathers, without levels and with all experts of the encoder alike.

        It is that of `restore` without what the whole frame tells, so it can learn from small parts of frames.
        """
        even_BE = image_B3HW.new_full((len(image_B3HW), self.config.encoder_experts), 1 / self.config.encoder_experts)
        no_levels = self.hint(image_B3HW.new_zeros(1, 6, 1, 1))
        features = self.encoder(self.stem(image_B3HW) + no_levels, even_BE, even_BE)
        return self.egsyn(features, weather_BK).detail_B3HW
