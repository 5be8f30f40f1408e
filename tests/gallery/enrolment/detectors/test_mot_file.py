"""Boxes from files in the MOT format."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rga.datasets.layout import DataError
from rga.errors import MissingFileError
from rga.gallery.enrolment import Frame
from rga.gallery.enrolment.detectors.mot_file import COLUMNS, MotFile, read_mot

BLANK = np.zeros((10, 10, 3), dtype=np.uint8)

GT = """2,9,30,40,5,10,1,-4.1,-7.3,0
1,9,29.5,40,5,10,1,-4.1,-7.3,0

1,7,1,2,3,4,0,-1,-1,-1
1,8,10,20,30,40.25,1,-1,-1,-1
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "gt.txt"
    file.write_text(text)
    return file


def test_boxes_of_a_frame_with_their_people(tmp_path: Path) -> None:
    detector = MotFile(write(tmp_path, GT))
    first, second, third = (detector(Frame(BLANK, number)) for number in range(3))
    assert first.boxes.tolist() == [[29.5, 40, 5, 10], [10, 20, 30, 40.25]]  # those that do not count are left out
    assert first.tracks is not None
    assert first.tracks.tolist() == [9, 8]
    assert second.boxes.tolist() == [[30, 40, 5, 10]]
    assert len(third) == 0
    assert detector.frames == 2


def test_detections_have_scores_and_no_people(tmp_path: Path) -> None:
    file = write(tmp_path, "1,-1,1,2,3,4,-0.5\n1,-1,5,6,7,8,62.1,-1,-1,-1\n")
    assert MotFile(file)(Frame(BLANK)).scores.tolist() == [62.1]
    found = MotFile(file, min_score=-1)(Frame(BLANK))
    assert found.scores.tolist() == [-0.5, 62.1]
    assert found.tracks is None
    (row,) = read_mot(write(tmp_path, "1,3,1,2,3,4"))
    assert row.tolist() == [1, 3, 1, 2, 3, 4, 1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0,1,1,1,1,1,1", "column frame: '0', expected a whole number from 1 on"),
        ("1.5,1,1,1,1,1,1", "column frame: '1.5'"),
        ("1,-2,1,1,1,1,1", "column id: '-2', expected a whole number from 0 on, or -1"),
        ("1,1,x,1,1,1,1", "column left: 'x', expected a number"),
        ("1,1,1,inf,1,1,1", "column top: 'inf'"),
        ("1,1,1,1,0,1,1", "column width: '0', expected a number above 0"),
        ("1,1,1,1,1,-3,1", "column height"),
        ("1,1,1,1,1,1,nan", "column confidence"),
        ("1 1 1 1 1 1 1", "1 fields: a line is frame,id"),
        ("1,1,1,1,1,1\n1,1,2,2,2,2", "person 1 has two boxes in frame 1, the other in line 2"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, line: str, reason: str) -> None:
    last = 2 + line.count("\n")
    with pytest.raises(DataError, match=f"line {last}.*{reason}"):
        MotFile(write(tmp_path, f"1,4,1,1,1,1,1\n{line}\n"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="expected boxes of people"):
        MotFile(tmp_path / "det.txt")
    assert len(MotFile(write(tmp_path, ""))(Frame(BLANK))) == 0


NUMBERS = st.sampled_from(["1", "2", "-1", "0.5", "1e3", "inf", "1_0", "٣"]) | st.text(string.printable, max_size=4)
LINES = st.lists(st.lists(NUMBERS, max_size=10).map(",".join), max_size=4).map("\n".join)


@given((st.text() | LINES).map(str.encode) | st.binary())
def test_any_text_gives_boxes_or_one_clear_error(contents: bytes) -> None:
    with TemporaryDirectory() as name:
        file = Path(name) / "det.txt"
        file.write_bytes(contents)
        error = ""
        try:
            rows = read_mot(file)
        except DataError as refused:
            error = str(refused)
        if error:
            assert f"{file}, line " in error
            return
        assert rows.shape[1] == len(COLUMNS)
        assert np.isfinite(rows).all()
        assert (rows[:, [4, 5]] > 0).all()
        assert sum(len(MotFile(file, min_score=-np.inf)(Frame(BLANK, int(number) - 1))) for number in {*rows[:, 0]}) == len(rows)
