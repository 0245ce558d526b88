"""The seeded world of one drive: its light, its street's cross-section, its buildings and objects.

Street coordinates in metres: x to the right of the street's axis, y up from the road, z along the street. All
content depends only on the drive's seed and the index of its street cell, so the street has no end and nothing pops up.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from training.data.scenes.noise import Array, ValueNoise, cell_rng

BLOCK_M = 64.0
VIEW_M = 220.0
LEFT, RIGHT = -1, 1


@dataclass(frozen=True)
class Light:
    """Illumination in linear RGB by sun and sky dome, exposure included."""

    sun_3: Array
    ambient_3: Array
    sun_side: int
    sun_slope: float
    sun_shear: float
    zenith_3: Array
    horizon_3: Array
    cloud_cover: float
    cloud_3: Array
    dusk: bool
    haze_m: float

    def on(self, lit: Array) -> Array:
        """Light [3, H, W] on a surface; `lit` [H, W] is the share of the sun on it, 0..1."""
        return self.ambient_3[:, None, None] + np.asarray(lit, np.float32) * self.sun_3[:, None, None]

    @staticmethod
    def draw(rng: np.random.Generator) -> "Light":
        mood = rng.choice(["sunny", "bright", "overcast", "dusk"], p=[0.35, 0.25, 0.22, 0.18])
        warm = rng.uniform(0.0, 1.0)
        strength = {"sunny": 1.15, "bright": 0.7, "overcast": 0.08, "dusk": 0.3}[mood] * rng.uniform(0.85, 1.15)
        ambient = {"sunny": 0.5, "bright": 0.62, "overcast": 0.85, "dusk": 0.3}[mood] * rng.uniform(0.85, 1.15)
        sun = strength * np.array([1.0, 0.97 - 0.1 * warm, 0.9 - 0.25 * warm])
        skies = {
            "sunny": ([0.28, 0.48, 0.82], [0.72, 0.82, 0.92], [0.97, 0.97, 0.97]),
            "bright": ([0.42, 0.58, 0.82], [0.80, 0.85, 0.90], [0.95, 0.95, 0.96]),
            "overcast": ([0.62, 0.65, 0.70], [0.78, 0.80, 0.82], [0.86, 0.87, 0.89]),
            "dusk": ([0.20, 0.25, 0.42], [0.80, 0.56, 0.42], [0.62, 0.45, 0.45]),
        }
        zenith, horizon, cloud = (np.array(colour) * rng.uniform(0.93, 1.03, 3) for colour in skies[mood])
        tint = np.array([1.0, 0.93, 0.86]) if mood == "dusk" else np.array([0.93, 0.98, 1.06])
        return Light(
            sun_3=sun.astype(np.float32),
            ambient_3=(ambient * tint).astype(np.float32),
            sun_side=int(rng.choice([LEFT, RIGHT])),
            sun_slope=float(rng.uniform(0.5, 1.6)),
            sun_shear=float(rng.uniform(-0.8, 0.8)),
            zenith_3=zenith.astype(np.float32),
            horizon_3=horizon.astype(np.float32),
            cloud_cover=float({"overcast": rng.uniform(0.3, 0.6)}.get(mood, rng.uniform(-0.35, 0.25))),
            cloud_3=cloud.astype(np.float32),
            dusk=mood == "dusk",
            haze_m=float(rng.uniform(500.0, 1800.0)),
        )


@dataclass(frozen=True)
class Section:
    """The street's cross-section, metres from its axis; only the distance of the buildings differs between sides."""

    lane_m: float
    lanes: int
    parking: bool
    road_m: float
    pavement_m: float
    verge_m: float
    facade_m: dict[int, float]
    back_m: float
    own_lane_m: float
    openness: float

    @staticmethod
    def draw(rng: np.random.Generator) -> "Section":
        lane = float(rng.uniform(3.0, 3.6))
        lanes = int(rng.choice([1, 2], p=[0.7, 0.3]))
        parking = bool(rng.random() < 0.65)
        road = lane * lanes + (2.2 if parking else 0.4)
        pavement = road + float(rng.uniform(2.2, 4.0))
        verge = pavement + float(rng.choice([0.0, rng.uniform(1.0, 4.0)]))
        facade = {side: verge + float(rng.uniform(0.3, 2.0)) for side in (LEFT, RIGHT)}
        back = max(facade.values()) + float(rng.uniform(9.0, 16.0))
        return Section(
            lane,
            lanes,
            parking,
            road,
            pavement,
            verge,
            facade,
            back,
            lane * (lanes - 0.5),
            float(rng.uniform(0.1, 0.95)),
        )


@dataclass(frozen=True)
class Surfaces:
    """Albedos (linear RGB) and patterns of the ground."""

    asphalt_3: Array
    paving_3: Array
    kerb_3: Array
    grass_3: Array
    marking_3: Array
    foliage_3: Array
    slab_m: float
    roughness: float

    @staticmethod
    def draw(rng: np.random.Generator) -> "Surfaces":
        grey = rng.uniform(0.07, 0.22)
        paving = rng.uniform(0.2, 0.42) * np.array([1.0, rng.uniform(0.88, 1.0), rng.uniform(0.76, 1.0)])
        green = rng.uniform(0.75, 1.25)
        return Surfaces(
            asphalt_3=np.asarray(grey * rng.uniform(0.92, 1.08, 3), np.float32),
            paving_3=np.asarray(paving, np.float32),
            kerb_3=np.asarray(rng.uniform(0.32, 0.5) * np.ones(3), np.float32),
            grass_3=np.asarray(green * np.array([rng.uniform(0.09, 0.2), 0.2, 0.05]), np.float32),
            marking_3=np.asarray(rng.uniform(0.55, 0.8) * np.array([1.0, 1.0, rng.uniform(0.75, 1.0)]), np.float32),
            foliage_3=np.asarray(rng.uniform(0.7, 1.2) * np.array([rng.uniform(0.06, 0.2), 0.17, 0.04]), np.float32),
            slab_m=float(rng.uniform(0.4, 1.1)),
            roughness=float(rng.uniform(0.7, 1.4)),
        )


@dataclass(frozen=True)
class Thing:
    """An object at a place: `kind` selects its drawing, `variant` seeds its looks, `heading` is +1 along z or -1."""

    kind: str
    x: float
    z: float
    variant: int
    heading: int = 1


@dataclass(frozen=True)
class Stream:
    """Things of one kind that move together along the street, at most one in each cell of the moving frame."""

    kind: str
    speed_mps: float
    cell_m: float
    chance: float
    x_low: float
    x_high: float

    def things(self, seed: int, index: int, time_s: float, z_low: float, z_high: float) -> list[Thing]:
        """Those between z_low and z_high (metres along the street) at time_s."""
        moved = self.speed_mps * time_s
        cells = range(int((z_low - moved) // self.cell_m), int((z_high - moved) // self.cell_m) + 1)
        standing = (_standing(self, seed, index, cell) for cell in cells)
        moving = [replace(thing, z=thing.z + moved) for thing in standing if thing is not None]
        return [thing for thing in moving if z_low <= thing.z <= z_high]


@lru_cache(maxsize=8192)
def _standing(stream: Stream, seed: int, index: int, cell: int) -> Thing | None:
    """The thing, if any, in a cell of the seed's stream number `index` at time 0."""
    rng = cell_rng(seed, 100 + index, cell)
    if rng.random() >= stream.chance:
        return None
    z = (cell + rng.uniform(0.25, 0.75)) * stream.cell_m
    x = stream.x_low + (stream.x_high - stream.x_low) * rng.random()
    heading = 1 if stream.speed_mps > 0.0 or (stream.speed_mps == 0.0 and x > 0.0) else -1
    return Thing(stream.kind, float(x), float(z), int(rng.integers(1 << 30)), heading)


BUILDING_FIELDS = 16


def make_block(seed: int, side: int, block: int, openness: float) -> Array:
    """The buildings of one block, float32 [N, BUILDING_FIELDS].

    Columns: start, end (metres along the street), height, bay, storey (metres), wall RGB, roof RGB (albedos), window
    share of the bay, shop (0 or 1), brick (0 or 1), roof height (metres), random number for hashing. `openness` is the
    chance of a gap behind a building.
    """
    rng = cell_rng(seed, 1 if side == LEFT else 2, block)
    rows = []
    z, end = block * BLOCK_M, (block + 1) * BLOCK_M
    while z < end - 6.0:
        length = min(float(rng.uniform(7.0, 22.0)), end - z)
        storey = rng.uniform(2.8, 3.6)
        floors = rng.integers(1, 7)
        base = rng.uniform(0.12, 0.6)
        warm = rng.uniform(0.0, 1.0)
        wall = base * np.array([1.0, 1.0 - 0.3 * warm, 1.0 - 0.55 * warm]) * rng.uniform(0.92, 1.08, 3)
        brick = rng.random() < 0.45
        if brick:
            wall = wall * np.array([1.0, 0.72, 0.6])
        roof = rng.uniform(0.06, 0.22) * np.array([1.0, rng.uniform(0.5, 1.0), rng.uniform(0.45, 1.0)])
        roof_height = rng.choice([0.0, rng.uniform(1.5, 3.5)])
        rows.append(
            [z, z + length, floors * storey + 0.5, rng.uniform(2.0, 4.2), storey, *wall, *roof, rng.uniform(0.35, 0.7)]
            + [float(rng.random() < 0.4), float(brick), roof_height, rng.integers(1 << 16)]
        )
        gap = rng.random() < openness
        z += length + (float(rng.uniform(5.0, 10.0 + 22.0 * openness)) if gap else 0.0)
    return np.array(rows, np.float64)


@dataclass
class World:
    """The parts of a drive that do not depend on the size of its pictures."""

    seed: int
    light: Light = field(init=False)
    section: Section = field(init=False)
    surfaces: Surfaces = field(init=False)
    noise: ValueNoise = field(init=False)
    speed_mps: float = field(init=False)
    streams: list[Stream] = field(init=False)
    leader_gap_m: float | None = field(init=False)

    def __post_init__(self) -> None:
        rng = cell_rng(self.seed, 0)
        self.light = Light.draw(rng)
        self.section = Section.draw(rng)
        self.surfaces = Surfaces.draw(rng)
        self.noise = ValueNoise(rng)
        self.speed_mps = float(rng.uniform(6.0, 14.0))
        self.leader_gap_m = float(rng.uniform(9.0, 35.0)) if rng.random() < 0.65 else None
        self.streams = self._draw_streams(rng)
        self._blocks: dict[tuple[int, int], Array] = {}

    def _draw_streams(self, rng: np.random.Generator) -> list[Stream]:
        section = self.section
        streams = []
        tree_gap, lamp_gap = float(rng.uniform(8.0, 22.0)), float(rng.uniform(20.0, 32.0))
        for side in (LEFT, RIGHT):
            kerb, inner = side * (section.road_m + 0.5), side * (section.road_m + 1.0)
            outer = side * (section.pavement_m - 0.2)
            streams += [
                Stream("tree", 0.0, tree_gap, float(rng.uniform(0.2, 0.9)), inner, inner),
                Stream("pole", 0.0, lamp_gap, 0.95, kerb, kerb),
                Stream("sign", 0.0, 26.0, 0.6, kerb, kerb),
                Stream("railing", 0.0, 17.0, 0.3, kerb, kerb),
            ]
            if section.parking:
                park = side * (section.road_m - 1.05)
                streams.append(Stream("car", 0.0, 6.2, float(rng.uniform(0.25, 0.85)), park, park))
            for walk in (-1.35, 1.2):
                streams.append(Stream("pedestrian", walk, 11.0, float(rng.uniform(0.15, 0.6)), inner, outer))
        ride = section.lane_m * section.lanes - 0.5
        streams.append(Stream("bicyclist", 4.2, 32.0, 0.6, ride, ride))
        streams.append(Stream("bicyclist", -4.6, 32.0, 0.6, -ride, -ride))
        for lane in range(section.lanes):
            x = -section.lane_m * (lane + 0.5)
            streams.append(Stream("car", -float(rng.uniform(7.0, 13.0)), 30.0, float(rng.uniform(0.3, 0.75)), x, x))
        if section.lanes == 2:
            x = section.lane_m * 0.5
            streams.append(Stream("car", self.speed_mps + float(rng.uniform(-3.0, 4.0)), 34.0, 0.5, x, x))
        return streams

    def buildings(self, side: int, z_low: float, z_high: float) -> Array:
        """The buildings on one side around [z_low, z_high], float64 [N, BUILDING_FIELDS], in order."""
        blocks = range(int(z_low // BLOCK_M) - 1, int(z_high // BLOCK_M) + 2)
        for block in blocks:
            if (side, block) not in self._blocks:
                self._blocks[side, block] = make_block(self.seed, side, block, self.section.openness)
        return np.concatenate([self._blocks[side, block] for block in blocks])

    def things(self, time_s: float, camera_z: float) -> list[Thing]:
        """The things from just behind the camera to the end of the view, far to near."""
        found = []
        for index, stream in enumerate(self.streams):
            found += stream.things(self.seed, index, time_s, camera_z - 3.0, camera_z + VIEW_M)
        if self.leader_gap_m is not None:
            gap = self.leader_gap_m * (1.0 + 0.2 * np.sin(0.35 * time_s + self.seed))
            variant = int(cell_rng(self.seed, 3).integers(1 << 30))
            x = self.section.own_lane_m + 0.15 * np.sin(0.5 * time_s)
            found.append(Thing("car", float(x), camera_z + gap, variant))
        return sorted(found, key=lambda thing: -thing.z)
