"""An engine is built once, kept, compared with the reference before its first use, and built again when it must be."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.engines import Change, CopyBackend
from weather_perception.core.contract import OUTPUT_NAMES, Outputs
from weather_perception.core.engines.base import EngineError, OpenedModel, Target
from weather_perception.core.engines.build import estimate, key_of, ready_entry
from weather_perception.core.engines.cache import EngineCache, Entry
from weather_perception.core.engines.frames import WEATHERS, fixed_frames
from weather_perception.core.engines.machine import device_identity, missing_modules
from weather_perception.core.engines.parity import ParityError
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.program import Program

TARGET = Target(48, 64, 2)


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path)


class Builder:
    """Makes one model's engine ready with one backend, and keeps what is reported."""

    def __init__(self, program: Program, cache: EngineCache, backend: CopyBackend) -> None:
        self.program, self.cache, self.backend = program, cache, backend
        self.report: list[str] = []

    def ready(self, target: Target = TARGET) -> Entry:
        opened = OpenedModel(self.program, TorchEngine(self.program))
        return ready_entry(opened, target, self.backend, self.cache, self.report.append)


@pytest.fixture
def builder(program: Program, cache: EngineCache) -> Builder:
    return Builder(program, cache, CopyBackend())


def test_it_is_built_once_and_then_found(builder: Builder) -> None:
    first = builder.ready()
    assert builder.backend.builds == 1
    assert first.notes["parity"] == dict.fromkeys(OUTPUT_NAMES, 0.0)
    assert builder.ready() == first
    assert builder.backend.builds == 1
    assert "ready in" in builder.report[-1]


def test_it_says_what_is_built_and_about_how_long_it_takes(builder: Builder) -> None:
    builder.ready()
    assert "building for 1..2x48x64, fp32" in builder.report[0] and "about " in builder.report[0]


def test_the_estimate_is_what_the_last_build_took(builder: Builder) -> None:
    entry = builder.ready()
    assert estimate(builder.program, builder.backend, builder.cache) == pytest.approx(entry.notes["seconds"])


def test_a_corrupted_byte_is_refused_by_name_and_the_engine_built_again(builder: Builder) -> None:
    copy = builder.ready().folder / "copy.pt2"
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    builder.ready()
    assert builder.backend.builds == 2
    assert any("refused a built engine" in line and "copy.pt2 is damaged" in line for line in builder.report)
    assert copy.read_bytes() == builder.program.path.read_bytes()


def test_another_model_another_toolkit_and_another_precision_are_built_anew(builder: Builder) -> None:
    builder.ready()
    builder.backend.toolkit = "copier 1.1"
    builder.ready()
    builder.ready(dataclasses.replace(TARGET, precision="bf16"))
    builder.program = dataclasses.replace(builder.program, sha256="f" * 64)
    builder.ready()
    assert builder.backend.builds == 4
    assert len(builder.cache.entries()) == 4


def with_output(name: str, value: float) -> Change:
    """Adds `value` to every element of one output."""
    field = next(field for field in Outputs._fields if field.startswith(f"{name}_"))
    return lambda outputs: outputs._replace(
        **{field: (getattr(outputs, field) + np.float64(value)).astype(getattr(outputs, field).dtype)}
    )


def few_wrong_labels(outputs: Outputs) -> Outputs:
    labels = outputs.labels_BHW.copy()
    labels[:, 0, : labels.shape[2] // 2] ^= 1  # 1 % of the pixels
    return outputs._replace(labels_BHW=labels)


def everything_but_the_image(outputs: Outputs) -> Outputs:
    return few_wrong_labels(outputs)._replace(weather_BK=outputs.weather_BK * np.float32(np.nan))


def one_frame_short(outputs: Outputs) -> Outputs:
    return Outputs(*(array[:1] for array in outputs))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_output("restored", 2), "restored differs .* grey levels on average on a frame in clear; allowed is 1"),
        (few_wrong_labels, "labels differs from the reference by 0.01.* of the pixels .* allowed is 0.005"),
        (everything_but_the_image, "labels differs"),
        (with_output("confidence", 2), "confidence differs"),
        (with_output("weather", 0.03), "weather differs from the reference by 0.03 of a probability"),
        (with_output("weather", np.nan), "weather differs from the reference by nan"),
        (with_output("gates", 0.03), "gates differs"),
        (one_frame_short, r"restored: uint8 \[1, 48, 64, 3\] of a batch of 2, the reference gives uint8 \[2, 48, 64"),
    ],
)
def test_an_engine_that_differs_is_refused_by_its_first_wrong_output_and_not_kept(
    program: Program, cache: EngineCache, change: Change, message: str
) -> None:
    with pytest.raises(ParityError, match=message):
        Builder(program, cache, CopyBackend(change)).ready()
    assert cache.entries() == []


def test_an_engine_within_the_limits_is_kept(program: Program, cache: EngineCache) -> None:
    entry = Builder(program, cache, CopyBackend(with_output("weather", 0.01))).ready()
    assert entry.notes["parity"]["weather"] == pytest.approx(0.01, abs=1e-6)


def test_the_fixed_frames_are_a_street_in_every_weather() -> None:
    frames = fixed_frames(90, 160)
    assert frames.shape == (len(WEATHERS), 90, 160, 3) and frames.dtype == np.uint8
    clear, fog, *_ = frames.astype(float)
    assert fog.std() < clear.std()
    assert all(np.abs(frames[0].astype(float) - other).mean() > 5 for other in frames[1:])


def test_a_compiler_that_fails_is_named_with_its_error(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object) -> None:
        raise RuntimeError("no kernel for this operator")

    monkeypatch.setattr(builder.backend, "build", build)
    with pytest.raises(EngineError, match=r"inductor: cannot build for 1..2x48x64: .*no kernel for this operator"):
        builder.ready()


def compiler_overflow() -> None:
    raise RuntimeError("ld: final link failed: No space left on device")


@pytest.mark.parametrize(
    "overflow",
    [
        lambda: Path("/dev/full").write_bytes(b"an engine"),
        compiler_overflow,
    ],
    ids=["python", "compiler"],
)
def test_a_full_disk_is_remembered_with_what_to_do(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, overflow: Callable[[], object]
) -> None:
    monkeypatch.setattr(builder.backend, "build", lambda *_: overflow())
    with pytest.raises(EngineError, match=r"No space left on device.*; make room"):
        builder.ready()
    assert "make room" in builder.cache.failure(key_of(builder.program, TARGET, builder.backend))


def test_what_a_backend_lacks_is_said_before_anything_is_built(builder: Builder) -> None:
    with pytest.raises(EngineError, match="precision: inductor has fp32, bf16, not fp16"):
        builder.ready(dataclasses.replace(TARGET, precision="fp16"))
    builder.backend.absent = missing_modules(("torch", "no_such_toolkit"), "openvino")
    with pytest.raises(EngineError, match=r"no_such_toolkit not installed; install with `pip install '.*\[openvino\]'"):
        builder.ready()
    assert builder.backend.builds == 0


def test_a_gpu_s_engine_takes_up_to_its_batch_and_a_cpu_s_any_number_of_its_size() -> None:
    batches = [(1, 48, 64), (2, 48, 64), (3, 48, 64), (1, 64, 48)]
    assert [dataclasses.replace(TARGET, device="cuda:0").covers(*batch) for batch in batches] == [
        True,
        True,
        False,
        False,
    ]
    assert [TARGET.covers(*batch) for batch in batches] == [True, True, True, False]


@pytest.mark.parametrize("wrong", [{"height": 0}, {"batch": 0}, {"precision": "int3"}])
def test_an_impossible_target_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(EngineError, match=next(iter(wrong))):
        dataclasses.replace(TARGET, **wrong)


def test_the_device_is_named_with_what_compiled_code_depends_on() -> None:
    assert device_identity("cpu") == device_identity("cpu")
    assert "features " in device_identity("cpu")
