"""Ray casting of what the street is made of: sky, ground, and the walls along it.

A ray's depth on the flat ground depends on its row alone and on a wall along the street on its column alone, so
everything is worked out on rows and columns first and only then for pixels. Shape suffixes: H rows, W columns, a
leading 3 colours (linear RGB).
"""

from dataclasses import dataclass

import numpy as np

from training.data.classes import CLASS_ID
from training.data.sample import SKY_DEPTH
from training.data.scene_camera import CAMERA_HEIGHT_M, Camera
from training.data.scene_noise import Array, box, periodic_box
from training.data.scene_world import LEFT, RIGHT, VIEW_M, World


@dataclass
class Layers:
    """The picture while it is being made: `colour_3HW` linear, `labels_HW` uint8, `depth_HW` metres."""

    colour_3HW: Array
    labels_HW: Array
    depth_HW: Array

    def paint(
        self, rows: slice, columns: Array | slice, coverage_HW: Array, colour_3HW: Array, label: int, depth_W: Array
    ) -> None:
        """Blend a surface over some rows and columns; it takes the pixels' labels and depth where it covers half."""
        target = self.colour_3HW[:, rows, columns]
        target += coverage_HW * (colour_3HW - target)
        self.colour_3HW[:, rows, columns] = target
        mask = coverage_HW > 0.5
        for plane, value in ((self.labels_HW, np.uint8(label)), (self.depth_HW, depth_W)):
            plane[rows, columns] = np.where(mask, value, plane[rows, columns])


@dataclass
class Walls:
    """For each column, the wall its ray meets. Distances in metres; `hit_W` says whether there is a building at all."""

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
    # from here on single precision will do: positions along the street count from the building's own corner
    place = np.where(front, along - building[:, 0], along)
    depth, place, stretch, building, plane, back = (
        array.astype(np.float32) for array in (depth, place, stretch, building, plane, back)
    )
    return Walls(hit, depth, place, stretch, front, side_W, building, plane, back)


def vertical_span(camera: Camera, low_m: float, high_m: float, nearest_m: float) -> tuple[slice, Array]:
    """The picture rows, as a slice and as numbers, that hold heights low_m to high_m at nearest_m or beyond."""
    scale = camera.focal / max(nearest_m, 0.5)
    top = int(np.clip(camera.horizon_v - scale * max(high_m - CAMERA_HEIGHT_M, 0.0) - 2.0, 0, camera.height))
    bottom = int(np.clip(camera.horizon_v + scale * (CAMERA_HEIGHT_M - low_m) + 2.0, 0, camera.height))
    return slice(top, bottom), np.arange(top, bottom, dtype=np.float32)[:, None]


class Raycaster:
    """Draws the street without its objects."""

    def __init__(self, world: World):
        self.world = world
        table = np.random.default_rng([world.seed, 77])
        self._tone_table = table.uniform(0.0, 1.0, 1 << 16).astype(np.float32)

    def render(self, camera: Camera, time_s: float) -> Layers:
        """Sky, the backdrop behind the houses, houses, fences in their gaps, and the ground."""
        layers = Layers(
            self._sky(camera, time_s),
            np.zeros((camera.height, camera.width), np.uint8),
            np.full((camera.height, camera.width), SKY_DEPTH, np.float32),
        )
        walls = find_walls(self.world, camera)
        self._backdrop(layers, camera, walls)
        self._houses(layers, camera, walls)
        self._garden_fences(layers, camera, walls)
        self._ground(layers, camera, walls)
        return layers

    def _tones(self, row: Array, column: Array) -> Array:
        """A random number in [0, 1) for each place of an integer grid, of the arguments' common shape."""
        index = ((row.astype(np.int32) & 255) << 8) + (column.astype(np.int32) & 255)
        return self._tone_table.take(index)

    def haze(self, layers: Layers) -> None:
        """Clear air is not quite clear: distant surfaces take on a little of the horizon's colour."""
        light = self.world.light
        veil_HW = 1.0 - np.exp(layers.depth_HW * (-1.0 / light.haze_m))
        veil_HW[layers.labels_HW == CLASS_ID["sky"]] = 0.0
        layers.colour_3HW += veil_HW * (light.horizon_3[:, None, None] ** 2 - layers.colour_3HW)

    def _sky(self, camera: Camera, time_s: float) -> Array:
        light = self.world.light
        sky_3HW = np.empty((3, camera.height, camera.width), np.float32)
        sky_3HW[:] = light.horizon_3[:, None, None] ** 2
        rows = int(np.clip(np.ceil(camera.horizon_v), 1, camera.height))
        rise_H1 = (camera.horizon_v - np.arange(rows, dtype=np.float32)[:, None]).clip(0.0) / camera.focal
        gradient_H1 = 1.0 - np.exp(-3.2 * rise_H1)
        horizon_311, zenith_311, cloud_311 = (
            c[:, None, None] for c in (light.horizon_3, light.zenith_3, light.cloud_3)
        )
        base_3H1 = horizon_311 + gradient_H1 * (zenith_311 - horizon_311)
        # clouds lie on a plane overhead, so they shrink towards the horizon
        reach_H1 = 1.0 / (rise_H1 + 0.06)
        slope_1W = (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) / camera.focal
        across_HW = slope_1W * reach_H1 + 0.012 * time_s
        footprint_H1 = reach_H1**2 / camera.focal
        density_HW = self.world.noise.fractal(
            across_HW, reach_H1 + 0.02 * time_s, footprint_H1, (2.3, 1.0, 0.43, 0.2, 0.09), (0.8, 0.5, 0.28, 0.16, 0.1)
        )
        density_HW += light.cloud_cover
        cloud_HW = np.clip(density_HW * 1.6, 0.0, 1.0) * np.clip(rise_H1 * 12.0, 0.25, 1.0)
        shade_HW = 1.0 - 0.22 * np.clip(density_HW - 0.4, 0.0, 1.0)
        sky_3HW[:, :rows] = np.square(base_3H1 + cloud_HW * (cloud_311 * shade_HW - base_3H1))
        return sky_3HW

    def _lit(self, lit: Array) -> Array:
        """Light on a surface whose share `lit` ([H, W], 0..1) of the sun arrives; adds a first axis of 3."""
        light = self.world.light
        return light.ambient_3[:, None, None] + np.asarray(lit, np.float32) * light.sun_3[:, None, None]

    def _backdrop(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        """Trees and hedges behind the houses, and at the end of the view."""
        noise = self.world.noise
        depth_W = walls.back_depth_W
        rows, row_H1 = vertical_span(camera, 0.0, 15.0, float(depth_W.min()))
        slope_1W = (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) / camera.focal
        far_1W = depth_W[None] >= VIEW_M - 1e-3
        # beyond the view's end the trees stand too far away to move: their place is the ray's direction
        place_1W = np.where(far_1W, slope_1W * VIEW_M, camera.z + depth_W).astype(np.float32)
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        footprint_1W = depth_W[None] / camera.focal * np.where(far_1W, 1.0, 1.0 / np.maximum(np.abs(slope_1W), 0.02))
        crest = noise.fractal(
            place_1W, np.full((1, 1), 3.7, np.float32), footprint_1W * 0.3, (19.0, 7.0, 2.6, 1.1), (2.6, 1.6, 0.8, 0.4)
        )
        ragged_HW = noise.fractal(place_1W, height_HW, footprint_1W, (0.9, 0.35), (0.5, 0.4))
        top_HW = np.where(far_1W, 7.5, 5.0) + crest + ragged_HW
        coverage_HW = np.clip((top_HW - height_HW) / (depth_W / camera.focal) + 0.5, 0.0, 1.0)
        leaf_HW = noise.fractal(place_1W, height_HW + 50.0, footprint_1W, (2.2, 0.8, 0.3, 0.12), (0.3, 0.35, 0.3, 0.25))
        lit_HW = np.clip(0.35 + 0.5 * leaf_HW + 0.05 * (height_HW - 2.0), 0.0, 1.0)
        colour_3HW = self.world.surfaces.foliage_3[:, None, None] * (1.0 + 0.6 * leaf_HW) * self._lit(lit_HW)
        layers.paint(rows, slice(None), coverage_HW, colour_3HW, CLASS_ID["tree"], depth_W)

    def _houses(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        columns = np.flatnonzero(walls.hit_W)
        if len(columns) == 0:
            return
        depth_W = walls.depth_W[columns]
        building_WF = walls.building_WF[columns]
        rows, row_H1 = vertical_span(camera, 0.0, 30.0, float(depth_W.min()))
        top_W, roof_W = building_WF[:, 2], building_WF[:, 14]
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        pixel_W = depth_W / camera.focal
        albedo_3HW, glow_HW = self._facade(height_HW, pixel_W, walls, columns, building_WF)
        eaves_HW = np.clip((height_HW - top_W) / pixel_W + 0.5, 0.0, 1.0)
        tiles_HW = 0.75 + 0.35 * periodic_box(height_HW, 0.34, 0.12, pixel_W)
        albedo_3HW += eaves_HW * (building_WF[:, 8:11].T[:, None] * tiles_HW - albedo_3HW)
        # the sun reaches the facades on the other side of the street, above the shadow of the row it stands behind
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
        colour_3HW = albedo_3HW * (grime_HW * flank_W) * self._lit(lit_HW)
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
        tone_HW = self._tones(floor_HW, column_W)
        light_frame_W = np.where(np.mod(identity_W, 3) < 2, np.float32(0.62), np.float32(0.12))
        albedo_3HW += frame_HW * (light_frame_W - albedo_3HW)
        glint_HW = np.clip(0.05 + 0.16 * tone_HW + 0.12 * (within_HW - 0.5), 0.015, 1.0)
        pane_3HW = glint_HW * np.array([0.85, 1.0, 1.15], np.float32)[:, None, None]
        albedo_3HW += glass_HW * (pane_3HW - albedo_3HW)
        awning_HW = box(height_HW, storey_W - 0.75, storey_W - 0.15, pixel_W) * building_WF[:, 12] * openings_HW
        sign_31W = self._tones(np.array([3, 90, 201], np.float32)[:, None, None], identity_W) ** 2
        albedo_3HW += awning_HW * (sign_31W - albedo_3HW)
        glowing = 0.62 if self.world.light.dusk else 0.97
        return albedo_3HW, glass_HW * np.clip((tone_HW - glowing) * 2.0, 0.0, 0.7)

    def _garden_fences(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        """Pickets along the building line wherever there is no house."""
        columns = np.flatnonzero(~walls.front_W & (walls.plane_depth_W < VIEW_M))
        if len(columns) == 0:
            return
        depth_W = walls.plane_depth_W[columns]
        rows, row_H1 = vertical_span(camera, 0.0, 1.8, float(depth_W.min()))
        pixel_W = depth_W / camera.focal
        slope_W = np.abs(columns - camera.centre_u) / camera.focal
        stretch_W = (depth_W / (camera.focal * np.maximum(slope_W, 1e-4))).astype(np.float32)
        place_W = (camera.z + depth_W.astype(np.float64)).astype(np.float32)
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        grain_HW = self.world.noise.fractal(place_W[None], height_HW, stretch_W[None], (1.5, 0.3, 0.1), (0.2, 0.2, 0.2))
        boards_W = periodic_box(place_W, 0.19, 0.08, stretch_W)
        tone_HW = (0.45 + 0.55 * boards_W) * (1.0 + grain_HW)
        albedo_3 = (
            np.array([0.26, 0.17, 0.1], np.float32) if self.world.seed % 2 else np.array([0.42, 0.42, 0.4], np.float32)
        )
        top_W = 1.55 + 0.07 * boards_W
        coverage_HW = np.clip((top_W - height_HW) / pixel_W + 0.5, 0.0, 1.0)
        lit_HW = np.where(walls.side_W[columns] == self.world.light.sun_side, 0.0, 0.5)[None]
        colour_3HW = albedo_3[:, None, None] * tone_HW * self._lit(lit_HW)
        layers.paint(rows, columns, coverage_HW, colour_3HW, CLASS_ID["fence"], depth_W)

    def _ground(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        first = max(int(np.ceil(camera.horizon_v + camera.focal * CAMERA_HEIGHT_M / VIEW_M)), 0)
        row_H1 = np.arange(first, camera.height, dtype=np.float32)[:, None]
        depth_H1 = camera.focal * CAMERA_HEIGHT_M / (row_H1 - camera.horizon_v)
        x_HW = camera.x + (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) * depth_H1 / camera.focal
        x_HW = x_HW.astype(np.float32)
        z_H1 = (camera.z + depth_H1.astype(np.float64)).astype(np.float32)
        pixel_H1 = (depth_H1 / camera.focal).astype(np.float32)
        row_step_H1 = (depth_H1 * pixel_H1 / CAMERA_HEIGHT_M).astype(np.float32)
        albedo_3HW, labels_HW = self._ground_albedo(x_HW, z_H1, pixel_H1, row_step_H1)
        colour_3HW = albedo_3HW * self._lit(self._sunlit(x_HW, z_H1))
        nearest_W = np.where(walls.hit_W, walls.depth_W, np.minimum(walls.back_depth_W, VIEW_M))
        nearest_W = np.minimum(nearest_W, np.where(walls.front_W, nearest_W, walls.plane_depth_W))
        mask_HW = depth_H1 < nearest_W[None]
        rows = slice(first, None)
        np.copyto(layers.colour_3HW[:, rows], colour_3HW, where=mask_HW)
        np.copyto(layers.labels_HW[rows], labels_HW, where=mask_HW)
        np.copyto(layers.depth_HW[rows], np.broadcast_to(depth_H1, mask_HW.shape), where=mask_HW, casting="same_kind")

    def _ground_albedo(self, x_HW: Array, z_H1: Array, pixel_H1: Array, row_step_H1: Array) -> tuple[Array, Array]:
        section, surfaces, noise = self.world.section, self.world.surfaces, self.world.noise
        off_HW = np.abs(x_HW)
        grit_HW = noise.fractal(x_HW, z_H1, row_step_H1, (0.025, 0.06, 0.25, 0.9, 3.1), (0.4, 0.3, 0.16, 0.12, 0.12))
        streak_HW = noise.sample(x_HW, z_H1, 0.45, 11.0) * 0.1 + noise.sample(x_HW, z_H1, 0.09, 1.4) * np.clip(
            1.2 - 4.0 * row_step_H1, 0.0, 0.12
        )
        texture_HW = 1.0 + surfaces.roughness * (grit_HW + streak_HW)

        on_pavement_HW = np.clip((off_HW - section.road_m - 0.16) / pixel_H1 + 0.5, 0.0, 1.0)
        on_kerb_HW = box(off_HW, section.road_m, section.road_m + 0.16, pixel_H1)
        on_grass_HW = np.clip((off_HW - section.pavement_m) / pixel_H1 + 0.5, 0.0, 1.0)
        albedo_3HW = surfaces.asphalt_3[:, None, None] * texture_HW
        marks_HW = self._markings(x_HW, z_H1, pixel_H1, row_step_H1) * np.clip(1.0 + 1.2 * grit_HW, 0.2, 1.0)
        albedo_3HW += marks_HW * (surfaces.marking_3[:, None, None] * texture_HW - albedo_3HW)
        gutter_HW = 1.0 - 0.35 * box(off_HW, section.road_m - 0.4, section.road_m, pixel_H1 + 0.3)
        albedo_3HW *= gutter_HW

        slab = surfaces.slab_m
        joints_HW = np.maximum(periodic_box(x_HW, slab, 0.014, pixel_H1), periodic_box(z_H1, slab, 0.014, row_step_H1))
        slab_tone_HW = self._tones(np.floor(z_H1 / slab), np.floor(x_HW / slab))
        fade_H1 = np.clip(1.5 - 2.0 * row_step_H1 / slab, 0.0, 1.0)
        tone_HW = (
            (1.0 - 0.5 * joints_HW) * (1.0 + 0.3 * fade_H1 * (slab_tone_HW - 0.5)) * (1.0 + 0.7 * (texture_HW - 1.0))
        )
        albedo_3HW += on_pavement_HW * (surfaces.paving_3[:, None, None] * tone_HW - albedo_3HW)
        albedo_3HW += on_kerb_HW * (surfaces.kerb_3[:, None, None] * texture_HW - albedo_3HW)
        grass_HW = np.clip(1.0 + 2.2 * grit_HW, 0.25, 2.0)
        albedo_3HW += on_grass_HW * (surfaces.grass_3[:, None, None] * grass_HW - albedo_3HW)

        labels_HW = np.full(x_HW.shape, CLASS_ID["road"], np.uint8)
        labels_HW[off_HW > section.road_m] = CLASS_ID["pavement"]
        labels_HW[off_HW > section.pavement_m] = CLASS_ID["tree"]
        return albedo_3HW, labels_HW

    def _markings(self, x_HW: Array, z_H1: Array, pixel_H1: Array, row_step_H1: Array) -> Array:
        """Coverage of paint: the axis, dashes between lanes, edge lines, and now and then a crossing."""
        section = self.world.section
        dash_H1 = periodic_box(z_H1, 9.0, 1.6, row_step_H1)
        paint_HW = box(x_HW, -0.07, 0.07, pixel_H1) * (dash_H1 if section.lanes == 1 else 1.0)
        for lane in range(1, section.lanes):
            for side in (LEFT, RIGHT):
                centre = side * lane * section.lane_m
                paint_HW = paint_HW + box(x_HW, centre - 0.06, centre + 0.06, pixel_H1) * dash_H1
        edge = section.lane_m * section.lanes
        paint_HW = paint_HW + box(np.abs(x_HW), edge - 0.06, edge + 0.06, pixel_H1)
        crossing_H1 = periodic_box(z_H1 + 7.0, 2.0 * 43.0, 1.7, row_step_H1)
        stripes_HW = periodic_box(x_HW, 1.1, 0.28, pixel_H1) * (np.abs(x_HW) < section.road_m)
        return np.clip(np.maximum(paint_HW, crossing_H1 * stripes_HW), 0.0, 1.0)

    def _sunlit(self, x_HW: Array, z_H1: Array) -> Array:
        """Share of the sun on the ground: the houses on its side throw their shadows across the street."""
        light, section = self.world.light, self.world.section
        side = light.sun_side
        z_low = float(z_H1.min()) - 40.0
        buildings = self.world.buildings(side, z_low, float(z_H1.max()) + 40.0)
        step = 0.25
        heights = np.zeros(int((z_H1.max() - z_low + 40.0) / step) + 1, np.float32)
        for start, end, height in buildings[:, :3]:
            heights[max(int((start - z_low) / step), 0) : max(int((end - z_low) / step), 0)] = height
        reach_HW = np.maximum(section.facade_m[side] - side * x_HW, 0.0)
        index_HW = np.clip(((z_H1 + light.sun_shear * reach_HW - z_low) / step), 0, len(heights) - 1).astype(np.int32)
        shade_HW = np.clip((heights[index_HW] - light.sun_slope * reach_HW) / 0.5 + 0.5, 0.0, 1.0)
        return 1.0 - shade_HW
