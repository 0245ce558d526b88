"""Casts rays on the street itself: sky, ground, and the walls along it.

A ray's depth on the flat ground depends on its row alone, and on a wall along the street on its column alone, so the
code computes rows and columns before pixels. Shape suffixes: H rows, W columns, a leading 3 colours (linear RGB).
"""

import numpy as np

from training.data.classes import CLASS_ID
from training.data.sample import SKY_DEPTH
from training.data.scenes.camera import CAMERA_HEIGHT_M, Camera, Layers
from training.data.scenes.houses import Houses, Walls, find_walls
from training.data.scenes.noise import Array, Tones, box, periodic_box
from training.data.scenes.world import LEFT, RIGHT, VIEW_M, World


class Ground:
    """Draws the ground of a drive."""

    def __init__(self, world: World, tones: Tones):
        self.world = world
        self._tones = tones

    def paint(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        """Draw the ground over the layers, except behind walls."""
        first = max(int(np.ceil(camera.horizon_v + camera.focal * CAMERA_HEIGHT_M / VIEW_M)), 0)
        row_H1 = np.arange(first, camera.height, dtype=np.float32)[:, None]
        depth_H1 = camera.focal * CAMERA_HEIGHT_M / (row_H1 - camera.horizon_v)
        x_HW = camera.x + (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) * depth_H1 / camera.focal
        x_HW = x_HW.astype(np.float32)
        z_H1 = (camera.z + depth_H1.astype(np.float64)).astype(np.float32)
        pixel_H1 = (depth_H1 / camera.focal).astype(np.float32)
        row_step_H1 = (depth_H1 * pixel_H1 / CAMERA_HEIGHT_M).astype(np.float32)
        albedo_3HW, labels_HW = self._albedo(x_HW, z_H1, pixel_H1, row_step_H1)
        colour_3HW = albedo_3HW * self.world.light.on(self._sunlit(x_HW, z_H1))
        nearest_W = np.where(walls.hit_W, walls.depth_W, np.minimum(walls.back_depth_W, VIEW_M))
        nearest_W = np.minimum(nearest_W, np.where(walls.front_W, nearest_W, walls.plane_depth_W))
        mask_HW = depth_H1 < nearest_W[None]
        rows = slice(first, None)
        np.copyto(layers.colour_3HW[:, rows], colour_3HW, where=mask_HW)
        np.copyto(layers.labels_HW[rows], labels_HW, where=mask_HW)
        np.copyto(layers.depth_HW[rows], np.broadcast_to(depth_H1, mask_HW.shape), where=mask_HW, casting="same_kind")

    def _albedo(self, x_HW: Array, z_H1: Array, pixel_H1: Array, row_step_H1: Array) -> tuple[Array, Array]:
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
        slab_tone_HW = self._tones.at(np.floor(z_H1 / slab), np.floor(x_HW / slab))
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
        """Coverage of paint: the axis, dashes between lanes, edge lines, and a crossing now and then."""
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
        """Share of the sun on the ground: the houses on its side cast their shadows across the street."""
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


class Raycaster:
    """Draws the street without its objects."""

    def __init__(self, world: World):
        self.world = world
        tones = Tones(world.seed)
        self._houses = Houses(world, tones)
        self._ground = Ground(world, tones)

    def render(self, camera: Camera, time_s: float) -> Layers:
        """Sky, the backdrop behind the houses, houses, fences in their gaps, and the ground."""
        layers = Layers(
            self._sky(camera, time_s),
            np.zeros((camera.height, camera.width), np.uint8),
            np.full((camera.height, camera.width), SKY_DEPTH, np.float32),
        )
        walls = find_walls(self.world, camera)
        self._backdrop(layers, camera, walls)
        self._houses.paint(layers, camera, walls)
        self._garden_fences(layers, camera, walls)
        self._ground.paint(layers, camera, walls)
        return layers

    def haze(self, layers: Layers) -> None:
        """Blend distant surfaces a little towards the horizon's colour, as clear air does."""
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
        # clouds are on a plane overhead, so they shrink towards the horizon
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

    def _backdrop(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        """Trees and hedges behind the houses, and at the end of the view."""
        noise = self.world.noise
        depth_W = walls.back_depth_W
        rows, row_H1 = camera.vertical_span(0.0, 15.0, float(depth_W.min()))
        slope_1W = (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) / camera.focal
        far_1W = depth_W[None] >= VIEW_M - 1e-3
        # trees beyond the view's end are too far away to move: their place is the ray's direction
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
        colour_3HW = self.world.surfaces.foliage_3[:, None, None] * (1.0 + 0.6 * leaf_HW) * self.world.light.on(lit_HW)
        layers.paint(rows, slice(None), coverage_HW, colour_3HW, CLASS_ID["tree"], depth_W)

    def _garden_fences(self, layers: Layers, camera: Camera, walls: Walls) -> None:
        """Pickets along the building line between houses."""
        columns = np.flatnonzero(~walls.front_W & (walls.plane_depth_W < VIEW_M))
        if len(columns) == 0:
            return
        depth_W = walls.plane_depth_W[columns]
        rows, row_H1 = camera.vertical_span(0.0, 1.8, float(depth_W.min()))
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
        colour_3HW = albedo_3[:, None, None] * tone_HW * self.world.light.on(lit_HW)
        layers.paint(rows, columns, coverage_HW, colour_3HW, CLASS_ID["fence"], depth_W)
