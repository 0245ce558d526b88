"""WeatherNet, the former deployable model: stem, router, encoder, segmenter, SGAda and EGSyn, of all three papers."""

from typing import NamedTuple

from torch import Tensor

from training.models.layers import check_size
from training.models.pyramid import CompactSGAda, Encoder, Stem
from training.recipes.weather_net.config import WeatherNetConfig
from training.recipes.weather_net.heads import CompactEGSyn
from training.recipes.weather_net.router import Routing, WeatherRouter
from training.segmenters.base import BaseConfig, BaseSegmenter, OnBaseSegmenter


class Prediction(NamedTuple):
    """The model's outputs; the restored image is not clamped, so that the losses see values outside 0..1."""

    restored_B3HW: Tensor
    refined_BKHW: Tensor
    base_BKHW: Tensor
    routing: Routing


class WeatherNet(OnBaseSegmenter):
    """Image [B, 3, H, W], 0..1, H and W multiples of 16 -> Prediction, with mask logits at H/4 x W/4.

    Raises ValueError for other sizes.
    """

    def __init__(self, config: WeatherNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.width4, config.width8, config.width16)
        self.stem = Stem(config.width4)
        self.router = WeatherRouter(config.width4, config.weathers, config.encoder_experts)
        self.encoder = Encoder(*widths, config.encoder_experts)
        self.segmenter = BaseSegmenter(BaseConfig(config.classes, config.segmenter_widths))
        self.sgada = CompactSGAda(config.classes, *widths)
        self.egsyn = CompactEGSyn(config.classes, *widths, config.weathers)

    def forward(self, image_B3HW: Tensor, weather_B: Tensor | None = None) -> Prediction:
        """Predict; the known weather `weather_B`, or else the most probable one, routes the decoder's experts."""
        check_size("weather_net", image_B3HW, 16)
        base = self.base(image_B3HW)
        shallow = self.stem(image_B3HW)
        routing = self.router(shallow, weather_B)
        features = self.encoder(shallow, routing.encoder8_BE, routing.encoder16_BE)
        refined = self.sgada(base.softmax(dim=1), features)
        residual = self.egsyn(image_B3HW, features, refined.softmax(dim=1), routing.decoder_BK)
        return Prediction(image_B3HW + residual, refined, base, routing)
