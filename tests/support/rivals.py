"""Networks of other people, for tests of rivals."""

from torch import Tensor, nn


class Residual(nn.Module):
    """The image and a convolution of it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        return image_B3HW + 0.1 * self.layer(image_B3HW)


class Told(Residual):
    """The same with a colour for each weather, of which it must be told."""

    def __init__(self) -> None:
        super().__init__()
        self.colour = nn.Embedding(4, 3)

    def forward(self, image_B3HW: Tensor, weather_B: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(image_B3HW) + 0.01 * self.colour(weather_B)[:, :, None, None]
