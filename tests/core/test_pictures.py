"""Pictures and label maps are read by one set of rules, whoever wrote them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Picture

from weather_perception.core.pictures import is_picture, natural, read_image, read_label_values

TALL = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
TURN = 6
"""EXIF's code for a picture that viewers turn by a quarter."""


def test_palette_labels_give_their_indices(tmp_path: Path) -> None:
    labels = np.array([[0, 1], [2, 255]], np.uint8)
    picture = Picture.fromarray(labels, "P")
    picture.putpalette([value % 256 for value in range(768)])
    picture.save(tmp_path / "labels.png")
    np.testing.assert_array_equal(read_label_values(tmp_path / "labels.png"), labels)


def test_an_orientation_tag_turns_a_picture_only_if_asked(tmp_path: Path) -> None:
    exif = Picture.Exif()
    exif[0x0112] = TURN
    Picture.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "phone.jpg", exif=exif)
    assert read_image(tmp_path / "phone.jpg").shape == (40, 60, 3)
    assert read_image(tmp_path / "phone.jpg", upright=True).shape == (60, 40, 3)


def test_a_picture_is_read_as_rgb_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "naïve #1?.png"
    path.write_bytes(cv2.imencode(".png", TALL[:, :, ::-1])[1].tobytes())
    np.testing.assert_array_equal(read_image(path), TALL)


@pytest.mark.parametrize("read", [read_image, read_label_values])
@pytest.mark.parametrize("kind", ["empty", "folder", "dangling", "torn", "missing"])
def test_what_is_no_picture_is_an_error_with_its_name(tmp_path: Path, read: object, kind: str) -> None:
    path = tmp_path / f"{kind}.png"
    match kind:
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to(tmp_path / "nowhere.png")
        case "torn":
            path.write_bytes(cv2.imencode(".png", np.zeros((99, 99), np.uint8))[1].tobytes()[:60])
    with pytest.raises(ValueError, match=rf"{kind}\.png"):
        read(path)


def test_labels_in_colour_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "colour.png"), TALL)
    with pytest.raises(ValueError, match="one channel of class ids, found RGB"):
        read_label_values(tmp_path / "colour.png")


def test_names_are_those_of_pictures_and_sort_as_people_count() -> None:
    names = [Path(name) for name in ("frame10.png", "._frame2.png", "frame2.PNG", "notes.txt", "frame1.webp")]
    assert [path.name for path in sorted(filter(is_picture, names), key=natural)] == [
        "frame1.webp",
        "frame2.PNG",
        "frame10.png",
    ]
