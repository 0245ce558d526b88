"""Makes documents in the form of metrics.json, as a replay of a made-up drive would write them."""

from typing import Any

import numpy as np

CLASSES = (("sky", (128, 128, 128)), ("road", (128, 64, 128)), ("car", (64, 0, 128)), ("pedestrian", (64, 64, 0)))
WEATHERS = ("clear", "fog", "rain", "snow")
GATES = ("decoder.clear", "decoder.fog", "novelty")
FIGURES = ("psnr_input", "psnr_restored", "ssim_input", "ssim_restored", "miou_base", "miou_refined")


def document(*cameras: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The contents of metrics.json for these cameras; `changes` replace keys of the top level."""
    models = [model(run["model"]) for run in cameras[0]["runs"]] if cameras else [model()]
    found = {
        "schema": 1,
        "replay": {
            "version": "0.1.0",
            "command": "replay drive.mcap --out out/drive",
            "started_utc": "2026-03-01T08:00:00+00:00",
            "finished_utc": "2026-03-01T08:01:00+00:00",
            "mode": "direct",
            "complete": True,
            "resumed": False,
        },
        "machine": {
            "cpu": "a processor",
            "cores": 2,
            "memory_gib": 24.0,
            "gpu": None,
            "os": "Linux",
            "python": "3.11.2",
            "torch": "2.13.0",
        },
        "models": models,
        "cameras": list(cameras),
        "limits": [],
    }
    return found | changes


def model(name: str = "tiny") -> dict[str, Any]:
    """A model that tells weathers apart and has gates."""
    return {
        "id": name,
        "name": name,
        "sha256": "ab" * 32,
        "file": f"models/{name}.pt2",
        "engine": "torch",
        "device": "auto",
        "licence": "Apache-2.0",
        "classes": [{"name": class_name, "color": list(color)} for class_name, color in CLASSES],
        "weathers": list(WEATHERS),
        "gates": list(GATES),
    }


def camera(
    times_s: Any = None,
    gain_db: float | None = None,
    answered: bool = True,
    recording: str = "/data/drive",
    topic: str = "/camera/image_raw",
    weathers: tuple[str, ...] = ("clear", "fog"),
    first_ns: int = 1_772_352_000_000_000_000,
    models: tuple[str, ...] = ("tiny",),
) -> dict[str, Any]:
    """A drive through `weathers`; with `gain_db` it has a ground truth that the restoration comes so much closer to."""
    times = np.arange(0, 30, 0.1) if times_s is None else np.asarray(times_s, float)
    count = len(times)
    truth = [None] * count if gain_db is None else [weathers[i * len(weathers) // count] for i in range(count)]
    stamps = [first_ns + round(time * 1e9) for time in times.tolist()]
    return {
        "recording": recording,
        "kind": "bag",
        "topic": topic,
        "name": f"{recording} {topic}",
        "sizes": [{"width": 96, "height": 64, "frames": count}],
        "encodings": {"rgb8": count},
        "counts": {"recorded": count, "read": count, "undecodable": 0, "limited": False, "damaged": False},
        "span": {
            "first_stamp_ns": stamps[0],
            "last_stamp_ns": stamps[-1],
            "first_utc": "2026-03-01T08:00:00.000+00:00",
            "last_utc": "2026-03-01T08:00:30.000+00:00",
            "duration_s": float(times[-1]),
        },
        "frames": {"stamp_ns": stamps, "time_s": times.tolist(), "weather": truth, "problem": [None] * count},
        "truth": {"frames": {} if gain_db is None else {"image": count, "labels": count}, "unused": {}},
        "notes": [],
        "runs": [run(count, gain_db, answered, weathers, name) for name in models],
    }


def run(
    count: int, gain_db: float | None, answered: bool, weathers: tuple[str, ...], name: str = "tiny"
) -> dict[str, Any]:
    """A model's answers to `count` frames; all of them are missing unless `answered`."""
    random, half = np.random.default_rng(2), np.linspace(0, 1, count)

    def some(values: Any) -> list[float | None]:
        return [float(f"{value:.5g}") if answered else None for value in np.asarray(values, float)]

    psnr = 20 + random.normal(0, 0.5, count)
    figures = (psnr, psnr + (gain_db or 0), *(half * 0 + value for value in (0.7, 0.8, 0.5, 0.6)))
    scored = {} if gain_db is None or not answered else dict(zip(FIGURES, figures, strict=True))
    seen = dict(zip(WEATHERS, (1 - half, half * 0.9, half * 0.1, half * 0), strict=True))
    latencies = 30 + random.gamma(2, 3, count)
    scores = {weather: score(count // len(weathers), gain_db or 0.0) for weather in weathers} if scored else {}
    return {
        "model": name,
        "counts": {"sent": count, "answered": count * answered, "dropped": {} if answered else {"wrong_size": count}},
        "drop_examples": {} if answered else {"wrong_size": "18432 bytes expected, 18000 found"},
        "latency_ms": dict.fromkeys(("p50", "p90", "p95", "p99", "mean", "max"), 40.0 if answered else None),
        "speed": {
            "frames_per_second": 20.0 if answered else None,
            "engine_frames_per_second": 25.0 if answered else None,
            "times_real_time": 2.0 if answered else None,
        },
        "dominant_weather_frames": {"clear": count // 2, "fog": count - count // 2} if answered else {},
        "weathers": scores,
        "degraded": scores.get(weathers[-1]),
        "all": scores.get(weathers[-1]),
        "detector": None,
        "frames": {
            "state": ["answered" if answered else "wrong_size"] * count,
            "latency_ms": some(latencies),
            "weather": {name: some(values) for name, values in seen.items()},
            "gates": {gate: some(half) for gate in GATES},
            "class_share": {n: some(half * 0 + s) for (n, _), s in zip(CLASSES, (0.3, 0.6, 0.1, 0), strict=True)},
            "confidence": some(half * 0 + 0.8),
            "measures": {
                key: {"input": some(0.2 + 0.01 * random.normal(size=count)), "restored": some(half * 0 + 0.3)}
                for key in ("edges", "contrast", "noise", "clipped", "flicker")
            }
            | {key: {"restored": some(half * 0 + 0.9)} for key in ("agreement", "change")},
        }
        | {key: some(scored[key]) if key in scored else [None] * count for key in FIGURES},
    }  # fmt: skip


def score(frames: int, gain_db: float) -> dict[str, Any]:
    """Scores of one weather."""
    return {
        "frames": frames,
        "psnr_input": 20.0,
        "psnr_restored": 20.0 + gain_db,
        "ssim_input": 0.7,
        "ssim_restored": 0.8,
        "identical": 0,
        "identical_input": 0,
        "miou_base": 0.5,
        "miou_refined": 0.5 + gain_db / 100,
        "iou_base": {"sky": 0.8, "road": 0.7, "car": 0.0, "pedestrian": None},
        "iou_refined": {"sky": 0.9, "road": 0.75, "car": 0.15, "pedestrian": None},
        "pixels": {"sky": 3000, "road": 6000, "car": 1000, "pedestrian": 0},
        "weather_accuracy": 1.0,
    }
