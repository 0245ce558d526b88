"""The deployable networks' encoder is a mixture of experts: its gates choose its kernels, and share the load."""

import pytest
import torch
from torch import Tensor, nn

from training.data.batches import Example
from training.losses import routing
from training.recipes.street_net.config import StreetNetConfig
from training.recipes.street_net.network import StreetNet
from training.recipes.weather_net.config import WeatherNetConfig, default
from training.recipes.weather_net.network import WeatherNet
from training.recipes.weather_net.objective import weighted_losses

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.no_grad()
@pytest.mark.parametrize("gates", ["encoder8_BE", "encoder16_BE"])
@pytest.mark.parametrize("build", [lambda: WeatherNet(WeatherNetConfig()), lambda: StreetNet(StreetNetConfig())])
def test_other_gates_of_the_encoder_give_another_image(build: type[nn.Module], gates: str) -> None:
    torch.manual_seed(0)
    net = build().eval()
    for parameter in net.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))  # some layers start at zero
    image = torch.rand(1, 3, 32, 32)

    def restored(expert: int) -> Tensor:
        def choose(_net: nn.Module, _seen: object, routed: object) -> object:
            chosen = torch.zeros_like(getattr(routed, gates)).index_fill_(1, torch.tensor([expert]), 1.0)
            return routed._replace(**{gates: chosen})  # type: ignore[attr-defined]

        hook = net.router.register_forward_hook(choose)  # type: ignore[union-attr]
        prediction = net(image)
        found: Tensor = getattr(prediction, "restoration", prediction).restored_B3HW
        hook.remove()
        return found

    assert (restored(0) - restored(1)).abs().max() > 1e-5


def test_an_uneven_load_of_the_encoders_experts_costs_by_its_weight() -> None:
    assert routing.balance(torch.tensor([[1.0, 0.0], [1.0, 0.0]])).item() == pytest.approx(1)
    assert routing.balance(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).item() == pytest.approx(0)
    config, image = default(), torch.rand(2, 3, 32, 32)
    found = WeatherNet(config.model)(image)
    load = torch.zeros_like(found.routing.encoder8_BE).index_fill_(1, torch.tensor([0]), 1.0)
    uneven = found._replace(routing=found.routing._replace(encoder8_BE=load, encoder16_BE=load))
    labels = torch.zeros(2, 32, 32, dtype=torch.uint8)
    batch = Example(image, image, labels, torch.zeros(2, dtype=torch.long))
    terms = weighted_losses(config, uneven, found.base_BKHW, image, batch)
    assert terms["balance"].item() == pytest.approx(config.balance_weight * 2 * (load.shape[1] - 1)) != 0
