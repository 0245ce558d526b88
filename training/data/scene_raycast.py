"""Ray casting of what the street is made of: sky, ground, and the walls along it.

A ray's depth on the flat ground depends on its row alone and on a wall along the street on its column alone, so everything is
worked out on rows and columns first and only then for pixels. Shape suffixes: H rows, W columns, 3 colours (linear RGB).
"""

from dataclasses import dataclass

import numpy as np

from training.data.classes import CLASS_ID
from training.data.sample import SKY_DEPTH
from training.data.scene_camera import CAMERA_HEIGHT_M, Camera
from training.data.scene_noise import box, periodic_box
from training.data.scene_world import LEFT, RIGHT, VIEW_M, World


@dataclass
class Layers:
    """The picture while it is being made: `colour_HW3` linear float32, `labels_HW` uint8, `depth_HW` float32 metres."""

    colour_HW3: np.ndarray
    labels_HW: np.ndarray
    depth_HW: np.ndarray

    def paint(self, columns, coverage_HW, colour_HW3, label: int, depth) -> None:
        """Blend a surface over some columns; labels and depth change where it covers more than half of a pixel."""
        target = self.colour_HW3[:, columns]
        target += coverage_HW[..., None] * (colour_HW3 - target)
        self.colour_HW3[:, columns] = target
        mask = coverage_HW > 0.5
        for plane, value in ((self.labels_HW, np.uint8(label)), (self.depth_HW, depth)):
            plane[:, columns] = np.where(mask, value, plane[:, columns])


@dataclass
class Walls:
    """For each column, the wall its ray meets. Distances in metres; `hit_W` says whether there is a building at all."""

    hit_W: np.ndarray
    depth_W: np.ndarray
    along_W: np.ndarray
    stretch_W: np.ndarray
    front_W: np.ndarray
    side_W: np.ndarray
    building_WF: np.ndarray
    plane_depth_W: np.ndarray
    back_depth_W: np.ndarray


def find_walls(world: World, camera: Camera) -> Walls:
    """Follow each column's ray past the building line: a facade, the flank of the next building behind a gap, or nothing."""
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
    hit, depth, along, stretch, front, building, plane, back = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Walls(hit, depth, along, stretch, front, side_W, building, plane, back)


class Raycaster:
    """Draws the street without its objects."""

    def __init__(self, world: World):
        self.world = world
        table = np.random.default_rng([world.seed, 77])
        self._glass_tones = table.uniform(0.0, 1.0, (256, 256)).astype(np.float32)

    def render(self, camera: Camera, time_s: float) -> Layers:
        """Sky, the backdrop behind the houses, houses, fences in their gaps, and the ground."""
        row_H1 = np.arange(camera.height, dtype=np.float32)[:, None]
        layers = Layers(
            self._sky(camera, row_H1, time_s),
            np.zeros((camera.height, camera.width), np.uint8),
            np.full((camera.height, camera.width), SKY_DEPTH, np.float32),
        )
        walls = find_walls(self.world, camera)
        self._backdrop(layers, camera, row_H1, walls)
        self._houses(layers, camera, row_H1, walls)
        self._garden_fences(layers, camera, row_H1, walls)
        self._ground(layers, camera, walls)
        return layers

    def haze(self, layers: Layers) -> None:
        """Clear air is not quite clear: distant surfaces take on a little of the horizon's colour."""
        light = self.world.light
        veil_HW = 1.0 - np.exp(-layers.depth_HW / light.haze_m)
        veil_HW[layers.labels_HW == CLASS_ID["sky"]] = 0.0
        layers.colour_HW3 += veil_HW[..., None] * (light.horizon_3**2 - layers.colour_HW3)

    def _sky(self, camera, row_H1, time_s):
        light = self.world.light
        rise_H1 = np.maximum(camera.horizon_v - row_H1, 0.0) / camera.focal
        gradient_H1 = 1.0 - np.exp(-3.2 * rise_H1)
        base_H13 = light.horizon_3 + gradient_H1[..., None] * (light.zenith_3 - light.horizon_3)
        # clouds lie on a plane overhead, so they shrink towards the horizon
        reach_H1 = 1.0 / (rise_H1 + 0.06)
        slope_1W = (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) / camera.focal
        across_HW = slope_1W * reach_H1 + np.float32(0.012 * time_s)
        footprint = reach_H1**2 / camera.focal
        density_HW = self.world.noise.fractal(
            across_HW, reach_H1 + 0.02 * time_s, footprint, (2.3, 1.0, 0.43, 0.2, 0.09), (0.8, 0.5, 0.28, 0.16, 0.1)
        )
        cloud_HW = np.clip((density_HW + light.cloud_cover) * 1.6, 0.0, 1.0) * np.clip(rise_H1 * 12.0, 0.25, 1.0)
        shade_HW1 = (1.0 - 0.22 * np.clip(density_HW + light.cloud_cover - 0.4, 0.0, 1.0))[..., None]
        sky_HW3 = base_H13 + cloud_HW[..., None] * (light.cloud_3 * shade_HW1 - base_H13)
        return np.square(sky_HW3, dtype=np.float32)

    def _lit(self, lit):
        """Light on a surface whose share `lit` (0..1, any shape) of the sun arrives; adds a last axis of 3."""
        return self.world.light.ambient_3 + np.asarray(lit, np.float32)[..., None] * self.world.light.sun_3

    def _backdrop(self, layers, camera, row_H1, walls):
        """Trees and hedges behind the houses, and at the end of the view."""
        noise = self.world.noise
        depth_W = walls.back_depth_W.astype(np.float32)
        slope_1W = ((np.arange(camera.width) - camera.centre_u) / camera.focal)[None]
        far_1W = depth_W[None] >= VIEW_M - 1e-3
        # beyond the view's end the trees stand too far away to move: their place is the ray's direction
        place_1W = np.where(far_1W, slope_1W * VIEW_M, camera.z + depth_W).astype(np.float32)
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        footprint_1W = depth_W[None] / camera.focal * np.where(far_1W, 1.0, 1.0 / np.maximum(np.abs(slope_1W), 0.02))
        crest = noise.fractal(place_1W, np.float32([[3.7]]), footprint_1W * 0.3, (19.0, 7.0, 2.6, 1.1), (2.6, 1.6, 0.8, 0.4))
        ragged_HW = noise.fractal(place_1W, height_HW, footprint_1W, (0.9, 0.35), (0.5, 0.4))
        top_HW = np.where(far_1W, 7.5, 5.0) + crest + ragged_HW
        coverage_HW = np.clip((top_HW - height_HW) / (depth_W / camera.focal) + 0.5, 0.0, 1.0)
        leaf_HW = noise.fractal(place_1W, height_HW + 50.0, footprint_1W, (2.2, 0.8, 0.3, 0.12), (0.3, 0.35, 0.3, 0.25))
        lit_HW = np.clip(0.35 + 0.5 * leaf_HW + 0.05 * (height_HW - 2.0), 0.0, 1.0)
        colour_HW3 = self.world.surfaces.foliage_3 * (1.0 + 0.6 * leaf_HW[..., None]) * self._lit(lit_HW)
        layers.paint(slice(None), coverage_HW, colour_HW3, CLASS_ID["tree"], depth_W)

    def _houses(self, layers, camera, row_H1, walls):
        columns = np.flatnonzero(walls.hit_W)
        if len(columns) == 0:
            return
        depth_W = walls.depth_W[columns].astype(np.float32)
        building_WF = walls.building_WF[columns].astype(np.float32)
        top_W, roof_W = building_WF[:, 2], building_WF[:, 14]
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        pixel_W = depth_W / camera.focal
        albedo_HW3 = self._facade(height_HW, pixel_W, walls, columns, building_WF)
        eaves_HW = np.clip((height_HW - top_W) / pixel_W + 0.5, 0.0, 1.0)[..., None]
        tiles_HW = 0.75 + 0.35 * periodic_box(height_HW, 0.34, 0.12, pixel_W)
        albedo_HW3 += eaves_HW * (building_WF[:, 8:11] * tiles_HW[..., None] - albedo_HW3)
        # the sun reaches the facades on the other side of the street, above the shadow of the row it stands behind
        light = self.world.light
        faces_sun_W = (walls.side_W[columns] != light.sun_side) & walls.front_W[columns]
        shadow_W = 9.0 - light.sun_slope * 2.0 * self.world.section.facade_m[LEFT]
        lit_HW = np.clip((height_HW - shadow_W) / 0.8 + 0.5, 0.0, 1.0) * np.where(faces_sun_W, 0.9, 0.0)
        grime_HW = 0.72 + 0.28 * np.clip(height_HW / 2.5, 0.0, 1.0) - 0.25 * box(height_HW, top_W - 0.8, top_W, pixel_W + 0.3)
        flank_W = np.where(walls.front_W[columns], 1.0, 0.8)
        colour_HW3 = albedo_HW3 * (grime_HW * flank_W)[..., None] * self._lit(lit_HW)
        colour_HW3 += self._lit_windows_HW[..., None] * np.float32([1.0, 0.72, 0.36])
        coverage_HW = np.clip((top_W + roof_W - height_HW) / pixel_W + 0.5, 0.0, 1.0)
        layers.paint(columns, coverage_HW, colour_HW3, CLASS_ID["building"], depth_W)

    def _facade(self, height_HW, pixel_W, walls, columns, building_WF):
        """Albedo [H, W, 3] of walls with their windows, doors, courses of brick and stains."""
        along_W = walls.along_W[columns]
        stretch_W = walls.stretch_W[columns].astype(np.float32)
        bay_W, storey_W, share_W = building_WF[:, 3], building_WF[:, 4], building_WF[:, 11]
        origin_W = np.where(walls.front_W[columns], walls.building_WF[columns, 0], 0.0)
        place_W = (along_W - origin_W).astype(np.float32)
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
        albedo_HW3 = building_WF[:, 5:8] * wall_HW[..., None]

        shop_HW = (height_HW < storey_W) * building_WF[:, 12]
        frame_W = periodic_box(place_W, bay_W, 0.5 * share_W * bay_W + 0.09, stretch_W)
        glass_W = periodic_box(place_W, bay_W, 0.5 * share_W * bay_W, stretch_W)
        bar_W = periodic_box(place_W + 0.5 * bay_W, bay_W, 0.03, stretch_W)
        tall_HW = 0.26 * storey_W + 0.12 * storey_W * shop_HW
        middle_HW = np.mod(height_HW, storey_W)
        offset_HW = np.abs(middle_HW - 0.52 * storey_W)
        below_top_HW = height_HW < building_WF[:, 2] - 0.5
        openings_HW = (below_top_HW * np.where(walls.front_W[columns], 1.0, 0.0)).astype(np.float32)
        frame_HW = np.clip((tall_HW + 0.09 - offset_HW) / pixel_W + 0.5, 0.0, 1.0) * frame_W * openings_HW
        glass_HW = np.clip((tall_HW - offset_HW) / pixel_W + 0.5, 0.0, 1.0) * glass_W * openings_HW
        glass_HW *= 1.0 - bar_W

        column_W = (np.floor(place_W / bay_W) + identity_W).astype(np.int64) & 255
        tone_HW = self._glass_tones[np.floor(height_HW / storey_W).astype(np.int64) & 255, column_W]
        light_frame_W = np.where(np.mod(identity_W, 3) < 2, 0.62, 0.12)
        albedo_HW3 += frame_HW[..., None] * (light_frame_W[:, None] - albedo_HW3)
        glint_HW = np.clip(0.05 + 0.16 * tone_HW + 0.12 * (middle_HW / storey_W - 0.5), 0.015, 1.0)
        pane_HW3 = glint_HW[..., None] * np.float32([0.85, 1.0, 1.15])
        albedo_HW3 += glass_HW[..., None] * (pane_HW3 - albedo_HW3)
        awning_HW = box(height_HW, storey_W - 0.75, storey_W - 0.15, pixel_W) * building_WF[:, 12] * openings_HW
        sign_W3 = self._glass_tones[(identity_W.astype(np.int64) & 255)[:, None], np.array([3, 90, 201])] ** 2
        albedo_HW3 += awning_HW[..., None] * (sign_W3 - albedo_HW3)
        glowing = 0.62 if self.world.light.dusk else 0.97
        self._lit_windows_HW = glass_HW * np.clip((tone_HW - glowing) * 2.0, 0.0, 0.7)
        return albedo_HW3

    def _garden_fences(self, layers, camera, row_H1, walls):
        """Pickets along the building line wherever there is no house."""
        columns = np.flatnonzero(~walls.front_W & (walls.plane_depth_W < VIEW_M))
        if len(columns) == 0:
            return
        depth_W = walls.plane_depth_W[columns].astype(np.float32)
        pixel_W = depth_W / camera.focal
        slope_W = np.abs(columns - camera.centre_u) / camera.focal
        stretch_W = (depth_W / (camera.focal * np.maximum(slope_W, 1e-4))).astype(np.float32)
        place_W = (camera.z + depth_W).astype(np.float32)
        height_HW = CAMERA_HEIGHT_M - (row_H1 - camera.horizon_v) * depth_W / camera.focal
        grain_HW = self.world.noise.fractal(place_W[None], height_HW, stretch_W[None], (1.5, 0.3, 0.1), (0.2, 0.2, 0.2))
        boards_W = periodic_box(place_W, 0.19, 0.08, stretch_W)
        tone_HW = (0.45 + 0.55 * boards_W) * (1.0 + grain_HW)
        albedo_3 = np.float32([0.26, 0.17, 0.1]) if self.world.seed % 2 else np.float32([0.42, 0.42, 0.4])
        top_W = 1.55 + 0.07 * boards_W
        coverage_HW = np.clip((top_W - height_HW) / pixel_W + 0.5, 0.0, 1.0)
        colour_HW3 = albedo_3 * tone_HW[..., None] * self._lit(np.where(walls.side_W[columns] == self.world.light.sun_side, 0, 0.5))
        layers.paint(columns, coverage_HW, colour_HW3, CLASS_ID["fence"], depth_W)

    def _ground(self, layers, camera, walls):
        first = max(int(np.ceil(camera.horizon_v + camera.focal * CAMERA_HEIGHT_M / VIEW_M)), 0)
        row_H1 = np.arange(first, camera.height, dtype=np.float32)[:, None]
        depth_H1 = camera.focal * CAMERA_HEIGHT_M / (row_H1 - camera.horizon_v)
        x_HW = camera.x + (np.arange(camera.width, dtype=np.float32)[None] - camera.centre_u) * depth_H1 / camera.focal
        x_HW = x_HW.astype(np.float32)
        z_H1 = (camera.z + depth_H1).astype(np.float32)
        pixel_H1 = (depth_H1 / camera.focal).astype(np.float32)
        row_step_H1 = (depth_H1 * pixel_H1 / CAMERA_HEIGHT_M).astype(np.float32)
        albedo_HW3, labels_HW = self._ground_albedo(x_HW, z_H1, pixel_H1, row_step_H1)
        colour_HW3 = albedo_HW3 * self._lit(self._sunlit(x_HW, z_H1))
        nearest_W = np.where(walls.hit_W, walls.depth_W, np.minimum(walls.back_depth_W, VIEW_M))
        nearest_W = np.minimum(nearest_W, np.where(walls.front_W, nearest_W, walls.plane_depth_W))
        mask_HW = depth_H1 < nearest_W[None]
        rows = slice(first, None)
        np.copyto(layers.colour_HW3[rows], colour_HW3, where=mask_HW[..., None])
        np.copyto(layers.labels_HW[rows], labels_HW, where=mask_HW)
        np.copyto(layers.depth_HW[rows], np.broadcast_to(depth_H1, mask_HW.shape), where=mask_HW, casting="same_kind")

    def _ground_albedo(self, x_HW, z_H1, pixel_H1, row_step_H1):
        section, surfaces, noise = self.world.section, self.world.surfaces, self.world.noise
        off_HW = np.abs(x_HW)
        grit_HW = noise.fractal(x_HW, z_H1, row_step_H1, (0.03, 0.08, 0.25, 0.9, 3.1), (0.26, 0.22, 0.18, 0.13, 0.12))
        streak_HW = noise.sample(x_HW, z_H1, 0.45, 11.0) * 0.1 + noise.sample(x_HW, z_H1, 0.09, 1.4) * np.clip(
            1.2 - 4.0 * row_step_H1, 0.0, 0.12
        )
        texture_HW = 1.0 + surfaces.roughness * (grit_HW + streak_HW)

        on_pavement_HW = np.clip((off_HW - section.road_m - 0.16) / pixel_H1 + 0.5, 0.0, 1.0)
        on_kerb_HW = box(off_HW, section.road_m, section.road_m + 0.16, pixel_H1)
        on_grass_HW = np.clip((off_HW - section.pavement_m) / pixel_H1 + 0.5, 0.0, 1.0)
        albedo_HW3 = surfaces.asphalt_3 * texture_HW[..., None]
        marks_HW = self._markings(x_HW, z_H1, pixel_H1, row_step_H1) * np.clip(1.0 + 1.2 * grit_HW, 0.2, 1.0)
        albedo_HW3 += marks_HW[..., None] * (surfaces.marking_3 * texture_HW[..., None] - albedo_HW3)
        gutter_HW = 1.0 - 0.35 * box(off_HW, section.road_m - 0.4, section.road_m, pixel_H1 + 0.3)
        albedo_HW3 *= gutter_HW[..., None]

        slab = surfaces.slab_m
        joints_HW = np.maximum(periodic_box(x_HW, slab, 0.014, pixel_H1), periodic_box(z_H1, slab, 0.014, row_step_H1))
        slab_tone_HW = self._glass_tones[np.floor(z_H1 / slab).astype(np.int64) & 255, np.floor(x_HW / slab).astype(np.int64) & 255]
        fade_H1 = np.clip(1.5 - 2.0 * row_step_H1 / slab, 0.0, 1.0)
        tone_HW = (1.0 - 0.5 * joints_HW) * (1.0 + 0.3 * fade_H1 * (slab_tone_HW - 0.5)) * (1.0 + 0.7 * (texture_HW - 1.0))
        albedo_HW3 += on_pavement_HW[..., None] * (surfaces.paving_3 * tone_HW[..., None] - albedo_HW3)
        albedo_HW3 += on_kerb_HW[..., None] * (surfaces.kerb_3 * texture_HW[..., None] - albedo_HW3)
        grass_HW = np.clip(1.0 + 2.2 * grit_HW, 0.25, 2.0)
        albedo_HW3 += on_grass_HW[..., None] * (surfaces.grass_3 * grass_HW[..., None] - albedo_HW3)

        labels_HW = np.full(x_HW.shape, CLASS_ID["road"], np.uint8)
        labels_HW[off_HW > section.road_m] = CLASS_ID["pavement"]
        labels_HW[off_HW > section.pavement_m] = CLASS_ID["tree"]
        return albedo_HW3, labels_HW

    def _markings(self, x_HW, z_H1, pixel_H1, row_step_H1):
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

    def _sunlit(self, x_HW, z_H1):
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
