"""What a model file says of the data and the networks it came from, and under which licence."""

import pytest

from training.deployable import data_and_licence

OURS = "python -m training.train paper_a --steps 2 --segmenter CHECKPOINT --vgg19 off"


def config(root: str = "", **more: object) -> dict[str, object]:
    return {"data": {"camvid_root": root, "camvid_drives": ["0001TP", "0006R0"]}, **more}


def test_our_own_scenes_are_under_our_own_licence() -> None:
    assert data_and_licence(config(), OURS) == (["procedural street scenes of this project"], "Apache-2.0")


@pytest.mark.parametrize(
    ("root", "command"),
    [
        ("", f"python -m training.train default --camvid CAMVID_ROOT && {OURS}"),
        ("", "python -m training.reproduce A --data camvid=CAMVID_ROOT"),
        ("somewhere", OURS),
    ],
)
def test_camvid_anywhere_behind_it_restricts_it_to_research(root: str, command: str) -> None:
    data, licence = data_and_licence(config(root), command)
    assert data[0].startswith("procedural") and "drives 0001TP, 0006R0" in data[1]
    assert licence == "CC BY-NC 4.0: trained on CamVid, research use only"


def test_a_data_set_is_named_in_place_of_our_scenes() -> None:
    command = "python -m training.reproduce A --data camvid=ROOT --data cityscapes=ROOT"
    data, licence = data_and_licence(config(data_set="cityscapes"), command)
    assert data == ["the data set cityscapes, licence: see the data set's terms"]
    assert "see the data set's terms" in licence


def test_a_hugging_face_segmenter_is_part_of_the_model_with_a_licence_of_its_own() -> None:
    segmenter = {"kind": "hugging_face", "name": "owner/segformer"}
    _, licence = data_and_licence(config(segmenter=segmenter), OURS)
    assert licence.startswith("Apache-2.0; ")
    assert "owner/segformer, licence: see its own page" in licence
    _, licence = data_and_licence(config("camvid", segmenter=segmenter), OURS)
    assert "research use only" in licence and "owner/segformer" in licence
