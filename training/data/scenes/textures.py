"""Billboard textures of a drive: tree crowns and traffic signs.

A texture is float32 [H, W, 4]: linear albedo times alpha, and alpha; smaller versions follow, largest first.
"""

import cv2
import numpy as np

from training.data.scenes.noise import Array, cell_rng
from training.data.scenes.world import World

CROWN_SIZE = 256
SIGN_SIZE = 64


def with_smaller(texture_HW4: Array) -> list[Array]:
    """The texture and its halvings down to 8 pixels."""
    levels: list[Array] = [np.ascontiguousarray(texture_HW4, np.float32)]
    while levels[-1].shape[0] > 8:
        half = (levels[-1].shape[1] // 2, levels[-1].shape[0] // 2)
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return levels


def crown(rng: np.random.Generator, foliage_3: Array) -> Array:
    """A tree's crown: clumps of leaves lit from above, with a ragged rim and holes to the sky."""
    grid = (np.arange(CROWN_SIZE, dtype=np.float32) + 0.5) / CROWN_SIZE
    density_HW = np.full((CROWN_SIZE, CROWN_SIZE), -1.0, np.float32)
    shade_HW = np.zeros_like(density_HW)
    for _ in range(int(rng.integers(10, 22))):
        angle, reach = rng.uniform(0.0, 2.0 * np.pi), 0.3 * np.sqrt(rng.uniform())
        u, v = 0.5 + reach * np.cos(angle), 0.48 + 1.05 * reach * np.sin(angle)
        radius = rng.uniform(0.1, 0.2)
        bump_HW = 1.0 - np.hypot(grid[None] - u, grid[:, None] - v) / radius
        lift_HW = 0.5 + 0.5 * (v - grid[:, None]) / radius + 0.12 * rng.normal()
        shade_HW = np.where(bump_HW > density_HW, lift_HW, shade_HW)
        density_HW = np.maximum(density_HW, bump_HW)
    leaves_HW = np.zeros_like(density_HW)
    for size, weight in ((16, 0.3), (48, 0.4), (128, 0.5), (256, 0.35)):
        coarse = rng.normal(size=(size, size)).astype(np.float32)
        leaves_HW += weight * cv2.resize(coarse, (CROWN_SIZE, CROWN_SIZE), interpolation=cv2.INTER_LINEAR)
    alpha_HW = np.clip((density_HW + 0.22 * leaves_HW - 0.05) * 12.0, 0.0, 1.0)
    tone_HW = np.clip(0.55 + 0.65 * shade_HW + 0.38 * leaves_HW, 0.12, 2.4)
    albedo_HW3 = foliage_3 * tone_HW[..., None]
    return np.concatenate([albedo_HW3 * alpha_HW[..., None], alpha_HW[..., None]], axis=2)


def sign(rng: np.random.Generator) -> Array:
    """A traffic sign: a round, triangular or square plate with a symbol."""
    oversize = 4 * SIGN_SIZE
    albedo = np.zeros((oversize, oversize, 3), np.uint8)
    alpha = np.zeros((oversize, oversize), np.uint8)
    red, white, blue, black = (140, 5, 8), (204, 204, 199), (5, 26, 115), (5, 5, 5)
    middle, shape = oversize // 2, rng.choice(["limit", "stop", "warning", "blue", "parking"])
    if shape in ("limit", "stop", "blue"):
        face = {"limit": white, "stop": red, "blue": blue}[shape]
        cv2.circle(alpha, (middle, middle), middle - 4, 255, -1)
        cv2.circle(albedo, (middle, middle), middle, red if shape == "limit" else white, -1)
        cv2.circle(albedo, (middle, middle), int(middle * (0.76 if shape == "limit" else 0.92)), face, -1)
    elif shape == "warning":
        outer = np.array([[middle, 6], [oversize - 6, oversize - 30], [6, oversize - 30]], np.int32)
        inner = ((outer - outer.mean(axis=0)) * 0.66 + outer.mean(axis=0)).astype(np.int32)
        cv2.fillPoly(alpha, [outer], 255)
        cv2.fillPoly(albedo, [outer], red)
        cv2.fillPoly(albedo, [inner], white)
    else:
        alpha[8:-8, 8:-8] = 255
        albedo[:] = white
        albedo[20:-20, 20:-20] = blue
    text = {"limit": str(rng.choice(["30", "50", "70"])), "stop": "-", "warning": "!", "blue": "^", "parking": "P"}[
        shape
    ]
    ink = white if shape in ("stop", "blue", "parking") else black
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 3.6, 20)
    cv2.putText(
        albedo,
        text,
        (middle - text_width // 2, middle + text_height // 2),
        cv2.FONT_HERSHEY_SIMPLEX,
        3.6,
        ink,
        20,
        cv2.LINE_AA,
    )
    coverage = alpha.astype(np.float32)[..., None] / 255.0
    texture = np.concatenate([albedo / np.float32(255.0) * coverage, coverage], axis=2)
    return cv2.resize(texture, (SIGN_SIZE, SIGN_SIZE), interpolation=cv2.INTER_AREA)


class Textures:
    """The billboards of one drive."""

    def __init__(self, world: World):
        rng = cell_rng(world.seed, 4)
        tints = rng.uniform(0.75, 1.3, (4, 3)) * np.array([1.0, 1.0, 0.8])
        self.crowns = [with_smaller(crown(rng, world.surfaces.foliage_3 * tint)) for tint in tints]
        self.signs = [with_smaller(sign(rng)) for _ in range(5)]
