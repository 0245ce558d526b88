"""Settings of the teacher's training, and its presets."""

from dataclasses import dataclass, field

from training.config import DataConfig
from training.recipes.joint import TaughtRun
from training.segmenters.pretrained import PretrainedConfig


@dataclass(frozen=True, kw_only=True)
class TeacherRun(TaughtRun):
    """A training of a segmenter on a pretrained encoder.

    `teacher`: an earlier one.
    `imagenet`: begin with the encoder's weights of ImageNet. `encoder_rate`: factor of its learning rate; a low one
    keeps what it knows of photographs.
    """

    model: PretrainedConfig = field(default_factory=PretrainedConfig)
    imagenet: bool = True
    encoder_rate: float = 0.1


def teacher() -> TeacherRun:
    """Real streets too if a root is given; twenty minutes on two CPU cores."""
    data = DataConfig(drives=300, crop=(192, 320), pandaset_share=0.35, chiba_share=0.25)
    return TeacherRun(name="teacher", steps=1200, data=data)


def teacher_smoke() -> TeacherRun:
    """A few steps on tiny crops from random weights, for tests of the loop."""
    data = DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(64, 96))
    return TeacherRun(
        name="teacher_smoke", steps=4, data=data, batch=4, warmup_steps=1, checkpoint_every=2, imagenet=False
    )


PRESETS = {"teacher": teacher, "teacher_smoke": teacher_smoke}
