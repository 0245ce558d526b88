"""Draws each kind of object with a brush, from parts in metres."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from training.data.scenes.brush import Brush
from training.data.scenes.noise import Array

Along = Callable[[float], float]
"""Distance from a car's tail to metres along the street."""

DETAIL_PX_PER_M = 11.0
"""Below this scale figures have no small parts, which would be a pixel or less."""

STEEL = (0.2, 0.21, 0.22)
RUBBER = (0.02, 0.02, 0.02)
GLASS = (0.05, 0.065, 0.08)
SKINS = ((0.55, 0.36, 0.27), (0.36, 0.2, 0.13), (0.16, 0.08, 0.05), (0.62, 0.43, 0.35))
CAR_PAINTS = (
    (0.7, 0.7, 0.7), (0.03, 0.03, 0.035), (0.25, 0.26, 0.28), (0.42, 0.03, 0.03), (0.04, 0.1, 0.32), (0.5, 0.5, 0.52),
    (0.05, 0.18, 0.1), (0.55, 0.42, 0.08), (0.1, 0.11, 0.13), (0.3, 0.12, 0.05),
)  # fmt: skip


def draw_tree(brush: Brush) -> None:
    thing, rng = brush.thing, np.random.default_rng(brush.thing.variant)
    size, stem = rng.uniform(2.8, 5.5), rng.uniform(1.9, 3.2)
    bark = np.array([0.1, 0.075, 0.05]) * rng.uniform(0.6, 1.6)
    brush.shadow(thing.x, thing.z, 0.4 * size, 0.4 * size, 0.4)
    brush.limb((thing.x, 0.0), (thing.x, stem + 0.45 * size), 0.34, bark, 0.4, end_width=0.12)
    levels = brush.textures.crowns[int(rng.integers(len(brush.textures.crowns)))]
    sway = 0.05 * np.sin(0.9 * brush.time_s + thing.variant % 7)
    brush.billboard(levels, thing.x + sway, stem, thing.z, size, 1.05 * size, rng.uniform(0.45, 0.75))


def draw_pole(brush: Brush) -> None:
    thing = brush.thing
    height = 6.5 + (thing.variant % 3)
    brush.shadow(thing.x, thing.z, 0.3, 0.2, 0.35)
    brush.limb((thing.x, 0.0), (thing.x, height), 0.2, STEEL, 0.5, end_width=0.11)
    brush.limb((thing.x, 0.0), (thing.x, 1.1), 0.26, STEEL, 0.3)
    reach = thing.x - np.sign(thing.x) * 1.5
    brush.limb((thing.x, height - 0.05), (reach, height + 0.25), 0.11, STEEL, 0.6)
    brush.ellipse(
        reach,
        height + 0.22,
        thing.z,
        0.4,
        0.12,
        (0.5, 0.5, 0.48),
        0.6,
        (0.9, 0.8, 0.6) if brush.light.dusk else (0.0, 0.0, 0.0),
    )


def draw_sign(brush: Brush) -> None:
    thing = brush.thing
    base = 2.1 + 0.1 * (thing.variant % 5)
    brush.limb((thing.x, 0.0), (thing.x, base + 0.4), 0.09, STEEL)
    brush.finish("pole")
    size = 0.75 + 0.06 * (thing.variant % 4)
    brush.billboard(
        brush.textures.signs[thing.variant % len(brush.textures.signs)], thing.x, base, thing.z, size, size, 0.6
    )


def draw_railing(brush: Brush) -> None:
    """Seven metres of railing along the kerb: posts and three rails."""
    thing = brush.thing
    paint = ((0.05, 0.12, 0.07), (0.3, 0.3, 0.31), (0.35, 0.04, 0.04))[thing.variant % 3]
    brush.stand_along(thing.x, thing.z + 7.0)
    posts = [thing.z + 1.4 * index for index in range(6)]
    for near, far in zip(posts[-2::-1], posts[:0:-1], strict=True):
        if near < brush.camera.z + 0.7:
            continue
        for low, high in ((0.98, 1.05), (0.2, 0.26), (0.58, 0.63)):
            brush.polygon(
                [(thing.x, low, near), (thing.x, high, near), (thing.x, high, far), (thing.x, low, far)], paint
            )
        post = [(thing.x - 0.035, 0.0), (thing.x + 0.035, 0.0), (thing.x + 0.035, 1.1), (thing.x - 0.035, 1.1)]
        brush.polygon([(x, y, near) for x, y in post], paint, 0.7)


def _car_profile(kind: int) -> tuple[Array, Array, float, float]:
    """Side outline and its windows as (distance from the tail, height), length and width, in metres."""
    if kind == 0:  # hatchback
        body = [(0, 0.35), (0, 0.95), (0.25, 1.42), (2.2, 1.47), (3.0, 1.0), (3.9, 0.85), (4.0, 0.35)]
        return np.array(body), np.array([(0.35, 0.98), (0.5, 1.34), (2.12, 1.38), (2.75, 0.98)]), 4.0, 1.75
    if kind == 1:  # saloon
        body = [(0, 0.38), (0, 0.98), (0.8, 1.05), (1.4, 1.42), (2.7, 1.44), (3.45, 1.0), (4.5, 0.85), (4.6, 0.35)]
        return np.array(body), np.array([(1.1, 1.02), (1.5, 1.34), (2.62, 1.36), (3.2, 1.0)]), 4.6, 1.82
    body = [(0, 0.4), (0, 1.9), (0.15, 2.0), (3.6, 2.0), (4.3, 1.2), (5.0, 1.05), (5.05, 0.4)]  # van
    return np.array(body), np.array([(3.0, 1.2), (3.0, 1.75), (3.55, 1.75), (4.05, 1.2)]), 5.05, 1.98


def draw_car(brush: Brush) -> None:
    thing, rng = brush.thing, np.random.default_rng(brush.thing.variant)
    profile, windows, length, width = _car_profile(int(rng.choice(3, p=[0.45, 0.4, 0.15])))
    paint = np.array(CAR_PAINTS[int(rng.integers(len(CAR_PAINTS)))]) * rng.uniform(0.8, 1.2)
    near, far = thing.z, thing.z + length
    if far < brush.camera.z + 1.0:
        return
    away = thing.heading > 0

    def along(distance: float) -> float:
        return near + distance if away else far - distance

    left, right = thing.x - 0.5 * width, thing.x + 0.5 * width
    brush.shadow(thing.x, 0.5 * (near + far), 0.62 * width, 0.55 * length, 0.75)
    seen = right if brush.camera.x > right else left if brush.camera.x < left else None
    if seen is not None:
        brush.stand_along(seen, far)
        _car_flank(brush, profile, windows, along, seen, length, paint)
    _car_top(brush, profile, along, left, right, paint, away)
    if near > brush.camera.z + 0.6:
        _car_end(brush, profile, near, left, right, paint, away)


def _car_flank(
    brush: Brush, profile: Array, windows: Array, along: Along, x: float, length: float, paint: Array
) -> None:
    lit = 0.55 if np.sign(x - brush.thing.x) == -brush.light.sun_side else 0.25

    def side(points: Iterable[Iterable[float]]) -> list[tuple[float, float, float]]:
        return [(x, height, along(distance)) for distance, height in points]

    brush.polygon(side(profile), paint, lit)
    brush.polygon(side([(0.05, 0.36), (0.05, 0.62), (length - 0.05, 0.6), (length - 0.05, 0.36)]), paint * 0.6, lit)
    brush.polygon(side([(0.1, 0.8), (0.1, 0.86), (length - 0.6, 0.82), (length - 0.6, 0.77)]), paint * 1.25 + 0.03, lit)
    brush.polygon(side(windows), GLASS, 0.5)
    sheen = [0.6 * windows[0] + 0.4 * windows[1], windows[1], windows[2], 0.6 * windows[3] + 0.4 * windows[2]]
    brush.polygon(side(sheen), np.array(GLASS) * 2.4, 0.6)
    if brush.pixels_per_metre < DETAIL_PX_PER_M:
        return
    pillar = 0.5 * (windows[1, 0] + windows[2, 0])
    brush.polygon(side([(pillar, 0.98), (pillar, 1.4), (pillar + 0.08, 1.4), (pillar + 0.08, 0.98)]), paint, lit)
    angle = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    for centre in (0.75, length - 0.85):
        for radius, albedo in ((0.34, RUBBER), (0.2, (0.3, 0.3, 0.32)), (0.07, RUBBER)):
            brush.polygon(
                side(zip(centre + radius * np.cos(angle), 0.34 + radius * np.sin(angle), strict=True)), albedo
            )


def _car_top(brush: Brush, profile: Array, along: Along, left: float, right: float, paint: Array, away: bool) -> None:
    """Bonnet, windscreens and roof: the strips between the outlines of both flanks, far ones first."""
    if brush.pixels_per_metre < DETAIL_PX_PER_M:
        _car_silhouette(brush, profile, along, left, right, paint, away)
        return
    strips = list(pairwise(profile))[1:-1]
    for start, end in strips[::-1] if away else strips:
        slope = abs(end[1] - start[1]) / max(abs(end[0] - start[0]), 1e-3)
        glass = slope > 0.3 and end[1] + start[1] > 1.9
        corners = [(left, *reversed(start)), (right, *reversed(start)), (right, *reversed(end)), (left, *reversed(end))]
        points = [(x, height, along(distance)) for x, height, distance in corners]
        brush.polygon(points, paint, 0.4 if glass else 0.95)
        if glass:
            inset = [(x + (0.1 if x == left else -0.1), height, along(distance)) for x, height, distance in corners]
            brush.polygon(inset, np.array(GLASS) * (2.2 if brush.light.dusk else 3.0), 0.6)


def _car_silhouette(
    brush: Brush, profile: Array, along: Along, left: float, right: float, paint: Array, away: bool
) -> None:
    """The roof and windscreen of a far car: one block, one dark band."""
    order = profile if away else profile[::-1]
    ridge = max(profile[1:-1, 1])
    at = along(float(order[len(order) // 2, 0]))
    brush.polygon([(left, 0.4, at), (right, 0.4, at), (right - 0.15, ridge, at), (left + 0.15, ridge, at)], paint, 0.8)
    band = [(left + 0.15, 0.65 * ridge, at), (right - 0.15, 0.65 * ridge, at), (right - 0.22, 0.93 * ridge, at)]
    brush.polygon([*band, (left + 0.22, 0.93 * ridge, at)], np.array(GLASS) * 2.5, 0.6)


def _car_end(brush: Brush, profile: Array, z: float, left: float, right: float, paint: Array, away: bool) -> None:
    """Tail or nose: bumper, lights, plate."""
    height = profile[1, 1] if away else profile[-2, 1]
    middle, half = 0.5 * (left + right), 0.5 * (right - left)

    def plate(x0: float, x1: float, y0: float, y1: float) -> list[tuple[float, float, float]]:
        return [
            (middle + x0 * half, y0, z),
            (middle + x1 * half, y0, z),
            (middle + x1 * half, y1, z),
            (middle + x0 * half, y1, z),
        ]

    for side in (-1.0, 1.0):
        brush.polygon(plate(side * 0.92, side * 0.68, 0.02, 0.45), RUBBER, 0.2)
    brush.polygon(plate(-1.0, 1.0, 0.32, height), paint, 0.45)
    brush.polygon(plate(-0.98, 0.98, 0.32, 0.55), paint * 0.45, 0.3)
    brush.polygon(plate(-0.96, 0.96, height - 0.12, height - 0.03), paint * 1.25 + 0.03, 0.6)
    if height > 1.5:
        brush.polygon(plate(-0.85, 0.85, 1.15, 1.75), GLASS, 0.6)
    lamp = (0.5, 0.02, 0.02) if away else (0.8, 0.8, 0.75)
    glow = np.array([0.35, 0.0, 0.0] if away else [0.8, 0.8, 0.7]) * (1.0 if brush.light.dusk else 0.15)
    if brush.pixels_per_metre < DETAIL_PX_PER_M:
        return
    for side in (-1.0, 1.0):
        brush.polygon(plate(side * 0.95, side * 0.68, 0.66, 0.83), lamp, 0.7, glow)
    brush.polygon(plate(-0.28, 0.28, 0.56, 0.68), (0.7, 0.68, 0.5), 0.5)
    if not away:
        brush.polygon(plate(-0.55, 0.55, 0.7, 0.8), RUBBER, 0.5)


def _person(
    brush: Brush, x: float, z: float, hip: float, rng: np.random.Generator, swing: float, lean: float = 0.0
) -> None:
    """Legs, torso, arms and head of one person with the hips at a height; `swing` in [-1, 1] is the gait."""
    coat, trousers = (
        rng.uniform(0.03, 0.35) * rng.uniform(0.5, 1.3, 3),
        rng.uniform(0.02, 0.2) * rng.uniform(0.7, 1.2, 3),
    )
    skin, hair = SKINS[int(rng.integers(len(SKINS)))], rng.uniform(0.02, 0.2) * np.array([1.0, 0.75, 0.5])
    if brush.pixels_per_metre < DETAIL_PX_PER_M:
        brush.limb((x, 0.0), (x, hip), 0.28, trousers, 0.4)
        brush.limb((x + lean, hip - 0.05), (x + lean, hip + 0.55), 0.42, coat, 0.5, end_width=0.3)
        brush.ellipse(x + lean, hip + 0.74, z, 0.11, 0.15, skin, 0.5)
        return
    for sign in (-1.0, 1.0):
        foot = (x + sign * 0.09 + 0.1 * sign * swing, 0.05 + 0.08 * max(sign * swing, 0.0))
        knee = (x + sign * 0.09 + 0.08 * swing * sign, 0.5 * hip)
        brush.limb((x + sign * 0.07, hip), knee, 0.17, trousers, 0.4, end_width=0.14)
        brush.limb(knee, foot, 0.14, trousers * 0.85, 0.4, end_width=0.1)
        brush.ellipse(foot[0], 0.05, z, 0.09, 0.06, RUBBER)
    shoulder = hip + 0.55
    for sign in (-1.0, 1.0):
        hand = (x + sign * 0.29, hip + 0.02 + 0.08 * sign * swing)
        brush.limb((x + lean + sign * 0.2, shoulder - 0.05), hand, 0.12, coat * 0.8, 0.4, end_width=0.08)
    torso = [
        (-0.17, hip - 0.08),
        (0.17, hip - 0.08),
        (0.21, shoulder - 0.08),
        (0.14, shoulder),
        (-0.14, shoulder),
        (-0.21, shoulder - 0.08),
    ]
    brush.polygon([(x + dx + lean * (y > hip), y, z) for dx, y in torso], coat, 0.55)
    brush.ellipse(x + lean, shoulder + 0.17, z, 0.105, 0.14, skin, 0.55)
    brush.ellipse(x + lean, shoulder + 0.23, z, 0.11, 0.09, hair, 0.5)


def draw_pedestrian(brush: Brush) -> None:
    thing, rng = brush.thing, np.random.default_rng(brush.thing.variant)
    if brush.depth < 1.2:
        return
    swing = np.sin(2.0 * np.pi * 0.95 * brush.time_s + thing.variant % 11)
    brush.shadow(thing.x, thing.z, 0.3, 0.25, 0.5)
    _person(brush, thing.x, thing.z, rng.uniform(0.78, 0.95), rng, swing)


def draw_bicyclist(brush: Brush) -> None:
    thing, rng = brush.thing, np.random.default_rng(brush.thing.variant)
    if brush.depth < 1.2:
        return
    x, z, frame = thing.x, thing.z, rng.uniform(0.03, 0.5, 3)
    lean = 0.05 * np.sin(1.3 * brush.time_s + thing.variant % 11)
    swing = np.sin(2.0 * np.pi * 1.2 * brush.time_s + thing.variant % 13)
    brush.shadow(x, z, 0.3, 0.8, 0.5)
    brush.ellipse(x, 0.35, z, 0.06, 0.35, RUBBER)
    brush.limb((x, 0.4), (x, 0.95), 0.06, frame)
    _rider(brush, x, z, rng, swing, lean)
    brush.limb((x - 0.3, 1.0), (x + 0.3, 1.0), 0.05, STEEL)
    lamp, glow = ((0.5, 0.02, 0.02), (0.3, 0.0, 0.0)) if thing.heading > 0 else ((0.8, 0.8, 0.7), (0.4, 0.4, 0.35))
    brush.ellipse(x, 0.78, z, 0.05, 0.05, lamp, 0.6, glow)


def _rider(brush: Brush, x: float, z: float, rng: np.random.Generator, swing: float, lean: float) -> None:
    """A person on a saddle a metre high: knees apart, feet on the pedals, helmet."""
    coat, trousers = rng.uniform(0.03, 0.6, 3), rng.uniform(0.02, 0.2) * rng.uniform(0.7, 1.2, 3)
    for sign in (-1.0, 1.0):
        pedal = (x + sign * 0.13, 0.32 + 0.16 * sign * swing)
        knee = (x + sign * 0.19, 0.72 + 0.1 * sign * swing)
        brush.limb((x + sign * 0.09, 1.02), knee, 0.17, trousers, 0.4, end_width=0.13)
        brush.limb(knee, pedal, 0.13, trousers * 0.8, 0.35, end_width=0.09)
        brush.limb((x + lean + sign * 0.19, 1.5), (x + sign * 0.29, 1.04), 0.11, coat * 0.85, 0.45, end_width=0.08)
    torso = [(-0.16, 0.95), (0.16, 0.95), (0.22, 1.46), (0.12, 1.57), (-0.12, 1.57), (-0.22, 1.46)]
    brush.polygon([(x + dx + lean * (y > 1.2), y, z) for dx, y in torso], coat, 0.6)
    brush.ellipse(x + lean, 1.71, z, 0.1, 0.13, SKINS[int(rng.integers(len(SKINS)))], 0.55)
    brush.ellipse(x + lean, 1.78, z, 0.12, 0.09, rng.uniform(0.02, 0.6, 3), 0.7)


FIGURES: dict[str, Callable[[Brush], None]] = {
    "tree": draw_tree,
    "pole": draw_pole,
    "sign": draw_sign,
    "railing": draw_railing,
    "car": draw_car,
    "pedestrian": draw_pedestrian,
    "bicyclist": draw_bicyclist,
}
