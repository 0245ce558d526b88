"""Houses: the wall that each picture column meets, and its look.

Shape suffixes: H rows, W columns, F building fields, a leading 3 colours (linear RGB).
"""

from dataclasses import dataclass

import numpy as np

from training.data.classes import CLASS_ID
from training.data.scenes.camera import CAMERA_HEIGHT_M, Camera, Layers
from training.data.scenes.noise import Array, Tones, box, periodic_box
from training.data.scenes.world import LEFT, RIGHT, VIEW_M, World


@dataclass
class Walls:
    """For each column, the wall that its ray meets, distances in metres; `hit_W` says whether it meets a building."""

    hit_W: Array
    depth_W: Array
    place_W: Array
    stretch_W: Array
    front_W: Array
    side_W: Array
    building_WF: Array
    plane_depth_W: Array
    back_depth_W: Array


def find_walls(world: World, camera: Camera) -> Walls:
    """Follow each column's ray: it meets a facade, or behind a gap the next building's flank, or nothing."""
    slope_W = (np.arange(camera.width) - camera.centre_u) / camera.focal
    side_W = np.where(slope_W < 0, LEFT, RIGHT)
    steep_W = np.maximum(np.abs(slope_W), 1e-4)
    parts = []
    for side in (LEFT, RIGHT):
        steep = steep_W[side_W == side]
        line = world.section.facade_m[side] - side * camera.x
        plane = np.minimum(line / steep, 5.0 * VIEW_M)
        back = np.minimum((world.section.back_m - side * camera.x) / steep, VIEW_M)
        buildings = world.buildings(side, camera.z, camera.z + VIEW_M)
        index = np.searchsorted(buildings[:, 0], camera.z + np.minimum(plane, VIEW_M), side="right") - 1
        front = camera.z + plane < buildings[index, 1]
        following = np.minimum(index + 1, len(buildings) - 1)
        flank = buildings[following, 0] - camera.z
        is_flank = ~front & (flank < back) & (flank > plane)
        depth = np.where(front, plane, flank)
        hit = (front | is_flank) & (depth < VIEW_M)
        along = np.where(front, camera.z + plane, flank * steep - line)
        stretch = np.where(front, plane / (camera.focal * steep), depth / camera.focal)
        parts.append((hit, depth, along, stretch, front, buildings[np.where(front, index, following)], plane, back))
    hit, depth, along, stretch, front, building, plane, back = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    # single precision suffices from here on: positions along the street count from the building's own corner
    place = np.where(front, along - building[:, 0], along)
    depth, place, stretch, building, plane, back = (
        array.astype(np.float32) for array in (depth, place, stretch, building, plane, back)
    )
    return Walls(hit, depth, place, stretch, front, side_W, building, plane, back)


class Houses:
    """Draws the houses of a drive."""

    def __init__(self, world: World, tones: Tones):
        self.world = world
        self._tones = tones

    def paint(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        """Draw every house in view over the layers."""
        columns = np.flatnonzero(walls.hit_W)
        if len(columns) == 0:
            return
        depth_W = walls.depth_W[columns]
        building_WF = walls.building_WF[columns]
        rows, row_H1 = camera.vertical_span(0.0, 30.0, float(depth_W.min()))
        top_W, roof_W = building_WF[:, 2], building_WF[:, 14]
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        pixel_W = depth_W / camera.focal
        albedo_3HW, glow_HW = self._facade(height_HW, pixel_W, walls, columns, building_WF)
        eaves_HW = np.clip((height_HW - top_W) / pixel_W + 0.5, 0.0, 1.0)
        tiles_HW = 0.75 + 0.35 * periodic_box(height_HW, 0.34, 0.12, pixel_W)
        albedo_3HW += eaves_HW * (building_WF[:, 8:11].T[:, None] * tiles_HW - albedo_3HW)
        # the sun reaches the facades across the street from it, above the shadow of the row on its own side
        light = self.world.light
        faces_sun_W = (walls.side_W[columns] != light.sun_side) & walls.front_W[columns]
        shadow_W = 9.0 - light.sun_slope * 2.0 * self.world.section.facade_m[LEFT]
        lit_HW = np.clip((height_HW - shadow_W) / 0.8 + 0.5, 0.0, 1.0) * np.where(
            faces_sun_W, np.float32(0.9), np.float32(0.0)
        )
        grime_HW = (
            0.72 + 0.28 * np.clip(height_HW / 2.5, 0.0, 1.0) - 0.25 * box(height_HW, top_W - 0.8, top_W, pixel_W + 0.3)
        )
        flank_W = np.where(walls.front_W[columns], np.float32(1.0), np.float32(0.8))
        colour_3HW = albedo_3HW * (grime_HW * flank_W) * self.world.light.on(lit_HW)
        colour_3HW += glow_HW * np.array([1.0, 0.72, 0.36], np.float32)[:, None, None]
        coverage_HW = np.clip((top_W + roof_W - height_HW) / pixel_W + 0.5, 0.0, 1.0)
        layers.paint(rows, columns, coverage_HW, colour_3HW, CLASS_ID["building"], depth_W)

    def _facade(
        self, height_HW: Array, pixel_W: Array, walls: Walls, columns: Array, building_WF: Array
    ) -> tuple[Array, Array]:
        """Albedo [3, H, W] of walls with windows, courses of brick and stains, and the glow [H, W] of lit windows."""
        place_W, stretch_W = walls.place_W[columns], walls.stretch_W[columns]
        bay_W, storey_W, share_W = building_WF[:, 3], building_WF[:, 4], building_WF[:, 11]
        identity_W = building_WF[:, 15]
        rough = self.world.surfaces.roughness
        stain_HW = self.world.noise.fractal(
            place_W[None] + identity_W, height_HW, np.maximum(stretch_W, pixel_W)[None],
            (4.5, 1.3, 0.4, 0.15, 0.06), (0.12, 0.1, 0.1, 0.12, 0.14),
        )  # fmt: skip
        wall_HW = 1.0 + rough * stain_HW
        mortar_HW = periodic_box(height_HW, 0.16, 0.022, pixel_W)
        wall_HW *= 1.0 - 0.3 * building_WF[:, 13] * mortar_HW
        band_HW = periodic_box(height_HW + 0.5 * storey_W, storey_W, 0.1, pixel_W)
        wall_HW *= 1.0 + 0.22 * band_HW * (1.0 - building_WF[:, 13])
        albedo_3HW = building_WF[:, 5:8].T[:, None] * wall_HW

        shop_HW = (height_HW < storey_W) * building_WF[:, 12]
        frame_W = periodic_box(place_W, bay_W, 0.5 * share_W * bay_W + 0.09, stretch_W)
        glass_W = periodic_box(place_W, bay_W, 0.5 * share_W * bay_W, stretch_W)
        bar_W = periodic_box(place_W + 0.5 * bay_W, bay_W, 0.03, stretch_W)
        tall_HW = 0.26 * storey_W + 0.12 * storey_W * shop_HW
        storeys_HW = height_HW / storey_W
        floor_HW = np.floor(storeys_HW)
        within_HW = storeys_HW - floor_HW
        offset_HW = np.abs(within_HW - 0.52) * storey_W
        below_top_HW = height_HW < building_WF[:, 2] - 0.5
        openings_HW = (below_top_HW & walls.front_W[columns]).astype(np.float32)
        frame_HW = np.clip((tall_HW + 0.09 - offset_HW) / pixel_W + 0.5, 0.0, 1.0) * frame_W * openings_HW
        glass_HW = np.clip((tall_HW - offset_HW) / pixel_W + 0.5, 0.0, 1.0) * glass_W * openings_HW
        glass_HW *= 1.0 - bar_W

        column_W = np.floor(place_W / bay_W) + identity_W
        tone_HW = self._tones.at(floor_HW, column_W)
        light_frame_W = np.where(np.mod(identity_W, 3) < 2, np.float32(0.62), np.float32(0.12))
        albedo_3HW += frame_HW * (light_frame_W - albedo_3HW)
        glint_HW = np.clip(0.05 + 0.16 * tone_HW + 0.12 * (within_HW - 0.5), 0.015, 1.0)
        pane_3HW = glint_HW * np.array([0.85, 1.0, 1.15], np.float32)[:, None, None]
        albedo_3HW += glass_HW * (pane_3HW - albedo_3HW)
        awning_HW = box(height_HW, storey_W - 0.75, storey_W - 0.15, pixel_W) * building_WF[:, 12] * openings_HW
        sign_31W = self._tones.at(np.array([3, 90, 201], np.float32)[:, None, None], identity_W) ** 2
        albedo_3HW += awning_HW * (sign_31W - albedo_3HW)
        glowing = 0.62 if self.world.light.dusk else 0.97
        return albedo_3HW, glass_HW * np.clip((tone_HW - glowing) * 2.0, 0.0, 0.7)
