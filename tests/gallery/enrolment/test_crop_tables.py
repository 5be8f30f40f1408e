"""Tables of crops: columns, boxes, times, errors with line and column."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gallery.enrolment.making import write_image
from rga.datasets.layout import DataError
from rga.errors import InputError, MissingFileError
from rga.gallery.crop import Box, Crop, Unreadable
from rga.gallery.enrolment import EnrolmentOptions, crops_of
from rga.gallery.enrolment.tables import OPTIONAL, read_entries
from rga.gallery.enrolment.times import read_zone

HEADER = "image,person,camera,time,left,top,width,height,frame,track"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_image(tmp_path / "images" / "a.png", 10)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "images" / "frame.png")
    return tmp_path


def write(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = folder / "crops.csv"
    file.write_text("\n".join(lines), encoding=encoding)
    return file


def read(file: Path, **options: str) -> list[Crop | Unreadable]:
    return list(crops_of(file, options=EnrolmentOptions(**options)))  # type: ignore[arg-type]


def test_every_column(folder: Path) -> None:
    file = write(folder, HEADER, "images/frame.png,Zoë,gate,2024-05-31T18:30:00+02:00,10,5.4,20,30,12,3", encoding="utf-8-sig")
    (crop,) = read(file)
    assert isinstance(crop, Crop)
    assert (crop.person, crop.camera, crop.source, crop.frame, crop.track) == ("Zoë", "gate", "images/frame.png", 12, 3)
    assert crop.time is not None
    assert crop.time.isoformat() == "2024-05-31T18:30:00+02:00"
    assert crop.box == Box(10, 5.4, 20, 30)
    assert np.array_equal(crop.image, np.array(Image.open(folder / "images" / "frame.png"))[5:35, 10:30])


def test_tracks_are_told_apart_by_table_camera_and_folder(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "a.png").write_bytes((folder / "images" / "a.png").read_bytes())
    header = "image,camera,track"
    lines = ["images/a.png,gate,0", "images/frame.png,gate,0", "images/a.png,yard,0", "other/a.png,gate,0"]
    found = [each.recording for each in read(write(folder, header, *lines)) if isinstance(each, Crop)]
    assert found[0] == found[1]
    assert len({*found}) == 3
    (again,) = read(write(folder, header, lines[0]))
    assert isinstance(again, Crop)
    assert again.recording not in found  # another table, in which people may be numbered anew


def test_the_image_alone(folder: Path) -> None:
    file = write(folder, "image", "images/a.png")
    (crop,) = read(file, camera="gate")
    (whole,) = crops_of(folder / "images" / "a.png")
    assert isinstance(crop, Crop)
    assert isinstance(whole, Crop)
    assert (crop.content, crop.camera, crop.time, crop.box) == (whole.content, "gate", None, None)


def test_contents_tell_boxes_apart_and_stay(folder: Path) -> None:
    boxes = ("1,1,9,9", "1,1,9,10", "1,1,9,9.2")
    file = write(folder, "image,left,top,width,height", *(f"images/frame.png,{box}" for box in boxes))
    first, second, third = (each.content for each in read(file) if isinstance(each, Crop))
    assert first != second
    assert first == third
    assert [each.content for each in read(file) if isinstance(each, Crop)] == [first, second, third]


def test_times_in_the_declared_zone(folder: Path) -> None:
    file = write(folder, "image;time", "images/a.png;2024-05-31 18:30")
    (crop,) = read(file, zone="Europe/Berlin")
    assert isinstance(crop, Crop)
    assert crop.time is not None
    assert crop.time.isoformat() == "2024-05-31T18:30:00+02:00"
    with pytest.raises(DataError, match=r"crops\.csv, line 2, column time: .* has no time zone"):
        read(file)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",,,,,,,,,", None),
        (",anna", "column image: empty"),
        ("a.png,,,yesterday", "column time: 'yesterday' is no date and time"),
        ("a.png,,,,1,2,3", "column height: empty, and the line has a part of a box"),
        ("a.png,,,,1,2,3,0", "column height: '0', expected a number above 0"),
        ("a.png,,,,1,nan,3,4", "column top: 'nan', expected a number"),
        ("a.png,,,,1,2,1e99,4", "column width: '1e99', expected a number above 0"),
        ("a.png,,,,,,,,-1", "column frame: the number is '-1', expected a whole number from 0 on"),
        ("a.png,,,,,,,,,x", "column track: the number is 'x'"),
    ],
)
def test_errors_name_line_and_column_before_the_first_crop(folder: Path, line: str, reason: str | None) -> None:
    file = write(folder, HEADER, "images/a.png", "", line)
    if reason is None:
        assert len(read(file)) == 1
    else:
        with pytest.raises(DataError, match=f"line 4, {reason}"):
            crops_of(file)


def test_unknown_columns_are_refused_with_the_nearest_name(folder: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: unknown column 'persons': did you mean person\?"):
        crops_of(write(folder, "image,persons", "images/a.png,anna"))
    with pytest.raises(DataError, match="unknown column 'colour': choose one of image, person"):
        crops_of(write(folder, "image,colour", "images/a.png,red"))
    assert len(read(write(folder, "IMAGE,Person,,", "images/a.png,anna,,"))) == 1


def test_bytes_that_are_no_text(folder: Path) -> None:
    file = folder / "crops.csv"
    file.write_bytes(b"image,person\nimages/a.png,caf\xe9\n")
    with pytest.raises(DataError, match="line 2, column person: byte 0xe9 is not text"):
        crops_of(file)


def test_what_cannot_be_read_is_told_with_its_line(folder: Path) -> None:
    boxes = ("images/lost.png,,,,", "images/frame.png,80,0,9,9", "images/frame.png,0,0,9,9", f"{'x' * 300}.png,,,,", "images,,,,")
    found = read(write(folder, "image,left,top,width,height", *boxes))
    lost, outside, crop, long, directory = found
    assert isinstance(lost, Unreadable)
    assert lost.reason == "there is no such file"
    assert lost.source.endswith("crops.csv, line 2)")
    assert isinstance(outside, Unreadable)
    assert outside.reason.startswith("no pixel of the image, which is 80x60")
    assert isinstance(crop, Crop)
    assert isinstance(long, Unreadable)
    assert isinstance(directory, Unreadable)


def test_tables_that_are_none(folder: Path) -> None:
    with pytest.raises(DataError, match="no line below its header"):
        crops_of(write(folder, HEADER))
    with pytest.raises(MissingFileError, match="no file"):
        crops_of(folder / "other.csv")
    with pytest.raises(InputError, match="leave the detector out"):
        crops_of(write(folder, "image", "images/a.png"), detector=lambda _: pytest.fail("not asked for"))


def test_progress_counts_lines(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    list(crops_of(write(folder, "image", "images/a.png", "images/a.png"), progress=lambda *step: told.append(step)))
    assert told == [(1, 2), (2, 2)]


CELLS = st.text(string.printable, max_size=8) | st.sampled_from(["1", "0", "-1", "2.5", "a.png", "2024-05-31T18:30Z", "inf"])
TABLES = st.builds(
    lambda columns, rows: "\n".join(",".join(row) for row in [["image", *columns], *rows]),
    st.lists(st.sampled_from(OPTIONAL), unique=True),
    st.lists(st.lists(CELLS, min_size=1, max_size=10), max_size=4),
)


@given(st.text().map(str.encode) | st.binary() | TABLES.map(str.encode))
def test_any_text_gives_lines_or_one_clear_error(contents: bytes) -> None:
    with TemporaryDirectory() as name:
        file = Path(name) / "crops.csv"
        file.write_bytes(contents)
        error = ""
        try:
            entries = list(read_entries(file, read_zone("UTC")))
        except DataError as refused:
            error = str(refused)
        if error:
            assert str(file) in error
            return
        for entry in entries:
            assert entry.source
            assert entry.box is None or min(entry.box.width, entry.box.height) > 0
            assert entry.time is None or entry.time.tzinfo is not None
            assert (entry.frame or 0) >= 0 <= (entry.track or 0)
