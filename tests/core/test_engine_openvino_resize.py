"""OpenVINO enlarges a few channels by a convolution, and gets what PyTorch's bilinear interpolation gives."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from weather_perception.core.engines.backends.openvino_resize import enlarge_by_convolution

openvino = pytest.importorskip("openvino", reason="needs `pip install 'weather_perception[openvino]'`")


def enlarging(channels: int, height: int, width: int, factor: float, mode: str = "linear_onnx"):  # type: ignore[no-untyped-def]
    """An OpenVINO model that enlarges [B, channels, height, width] as PyTorch's ONNX exporter writes it."""
    operators = openvino.opset13
    small = operators.parameter(openvino.PartialShape([-1, channels, height, width]), np.float32)
    scales = operators.constant(np.array([factor, factor], np.float32))
    large = operators.interpolate(
        small, scales, mode, "scales", coordinate_transformation_mode="half_pixel", axes=operators.constant([2, 3])
    )
    return openvino.Model([large], [small])


@pytest.mark.parametrize(("channels", "factor"), [(1, 2), (3, 4), (4, 8)])
def test_it_is_bilinear_interpolation_to_the_border(channels: int, factor: int) -> None:
    model = enlarging(channels, 5, 7, factor)
    assert enlarge_by_convolution(model) == 1
    assert "Interpolate" not in {node.get_type_name() for node in model.get_ops()}
    small = np.random.default_rng(0).normal(size=(2, channels, 5, 7)).astype(np.float32)
    (found,) = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([small]).values()
    expected = F.interpolate(torch.from_numpy(small), scale_factor=float(factor), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "factor", "mode"), [(5, 4, "linear_onnx"), (3, 1.5, "linear_onnx"), (3, 4, "nearest")]
)
def test_every_other_resize_stays(channels: int, factor: float, mode: str) -> None:
    model = enlarging(channels, 6, 8, factor, mode)
    assert enlarge_by_convolution(model) == 0
    assert "Interpolate" in {node.get_type_name() for node in model.get_ops()}
