"""At any moment a person can read which engine answers, what is being built and how far it is, and what is wrong."""

import pytest

from weather_perception.core.engines.state import EngineStatus, Problem


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def status(clock: Clock) -> EngineStatus:
    return EngineStatus(clock)


def test_from_the_first_moment_it_says_that_the_model_is_being_loaded(status: EngineStatus) -> None:
    assert str(status.state()) == "loading the model"
    assert status.state().serving == ""


def test_while_an_engine_is_built_it_says_which_one_answers_and_how_far_the_build_is(
    status: EngineStatus, clock: Clock
) -> None:
    status.because("openvino", "the fastest that cpu has here")
    status.serves("torch")
    status.begins("openvino is being built for 1x360x640, fp32", 40)
    clock.now += 14
    assert str(status.state()) == "torch answers; openvino is being built for 1x360x640, fp32 (about 35 %)"
    clock.now += 1000
    assert status.state().progress == 0.99, "it is not ready before it is"
    status.begins("")
    status.serves("openvino")
    assert str(status.state()) == "openvino answers: the fastest that cpu has here"
    assert status.state().progress is None


def test_a_problem_is_said_with_its_remedy_until_it_is_solved(status: EngineStatus) -> None:
    status.begins("")
    status.serves("torch")
    status.fails((1, 48, 64), Problem("openvino cannot be built", "free some memory"))
    status.fails((1, 48, 64), Problem("openvino: no space left", "make room"))
    assert status.state().problems == (Problem("openvino: no space left", "make room"),)
    assert str(status.state()) == "torch answers; openvino: no space left; make room"
    status.solved((1, 48, 64))
    assert status.state().problems == ()
