"""What each error teaches the refined map: the share of the cross-entropy's gradient that it is given."""

import pytest
import torch

from training.recipes.paper_a.balance import balanced


@pytest.mark.parametrize("parts", [1, 4])
def test_each_error_has_its_share_of_the_leading_gradient_whatever_its_size(parts: int) -> None:
    x = torch.randn(3, 5, requires_grad=True)
    leading, small, plain, none = balanced(x, 0.25, 0.0, 0.5)
    direction = torch.randn(3, 5)
    loss = 7 * leading.square().sum() / 2 + 1e-6 * (small * direction).sum() + 3 * plain.sum() + 0 * none.sum()
    (loss / parts).backward()
    first = 7 * x.detach()
    expected = first + 0.25 * first.norm() * direction / direction.norm() + 3
    torch.testing.assert_close(x.grad, expected / parts)


def test_all_of_them_have_the_values_of_the_tensor() -> None:
    x = torch.randn(2, 3)
    assert all(torch.equal(found, x) for found in balanced(x, 0.1, 0.2))
