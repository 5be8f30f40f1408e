"""Frames of videos: which, when, upright, and what damaged files give."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

from gallery.enrolment.making import Pixels, write_video
from rga.errors import InputError, MissingFileError, MissingPackageError
from rga.gallery.crop import Unreadable
from rga.gallery.enrolment import Frame
from rga.gallery.enrolment.frames.video import video_frames


def greys(count: int) -> list[Pixels]:
    return [np.full((48, 64, 3), 10 * number, dtype=np.uint8) for number in range(count)]


def frames(path: Path, every: float = 0.0) -> list[Frame]:
    found = list(video_frames(path, every))
    assert all(isinstance(each, Frame) for each in found)
    return [each for each in found if isinstance(each, Frame)]


@pytest.mark.parametrize(
    ("every", "numbers"), [(0, list(range(12))), (0.1, list(range(12))), (0.3, [0, 3, 6, 9]), (0.25, [0, 3, 5, 8, 10]), (5, [0])]
)
def test_every_few_seconds(tmp_path: Path, every: float, numbers: list[int]) -> None:
    found = frames(write_video(tmp_path / "a.mp4", greys(12)), every)
    assert [frame.number for frame in found] == numbers
    assert [frame.seconds for frame in found] == pytest.approx([number / 10 for number in numbers])
    assert [frame.image.mean() for frame in found] == pytest.approx([10 * number for number in numbers], abs=3)


def test_contents_tell_frames_and_videos_apart_and_stay(tmp_path: Path) -> None:
    first, second = (write_video(tmp_path / name, greys(count)) for name, count in (("a.mp4", 4), ("b.mp4", 5)))
    contents = [frame.content for path in (first, second) for frame in frames(path)]
    assert len({*contents}) == 9
    assert [frame.content for frame in frames(first)] == contents[:4]
    assert hashlib.sha256(first.read_bytes()).hexdigest() in contents[0]
    assert {frame.source for frame in frames(first)} == {"a.mp4"}


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_frames_are_upright(tmp_path: Path, clockwise: int) -> None:
    upright = np.zeros((64, 48, 3) if clockwise in (90, 270) else (48, 64, 3), dtype=np.uint8)
    upright[: upright.shape[0] // 2, : upright.shape[1] // 2] = 250  # the upper left
    upright[: upright.shape[0] // 2, upright.shape[1] // 2 :] = 120
    written = np.ascontiguousarray(np.rot90(upright, clockwise // 90))  # as the sensor lies
    (frame,) = frames(write_video(tmp_path / "a.mp4", [written], clockwise=clockwise))
    assert frame.image.shape == upright.shape
    assert np.abs(frame.image.astype(int) - upright).mean() < 6


def test_progress_and_the_frames_that_a_file_says_it_has(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    list(video_frames(write_video(tmp_path / "a.mp4", greys(3)), 1.0, lambda *step: told.append(step)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    list(video_frames(write_video(tmp_path / "a.mkv", greys(3)), 1.0, lambda *step: told.append(step)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_video_that_is_cut_short_gives_its_frames_up_to_there(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "a.mkv", list(noise))
    whole = frames(path)
    contents = path.read_bytes()
    path.write_bytes(contents[: len(contents) // 2])
    left = [each for each in video_frames(path) if isinstance(each, Frame)]
    assert 0 < len(left) < len(whole)
    assert np.array_equal(left[0].image, whole[0].image)


def test_damaged_parts_are_counted_and_the_first_reason_kept(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", greys(6), codec="mjpeg")
    contents = bytearray(path.read_bytes())
    starts = [place for place in range(len(contents)) if contents[place : place + 3] == b"\xff\xd8\xff"]
    for number in (2, 4):
        end = contents.index(b"\xff\xd9", starts[number]) + 2
        contents[starts[number] : end] = bytes(end - starts[number])
    path.write_bytes(contents)
    *whole, last = video_frames(path)
    assert [each.image.mean() for each in whole if isinstance(each, Frame)] == pytest.approx([0, 10, 30, 50], abs=3)
    assert isinstance(last, Unreadable)
    assert last.source == "a.mkv"
    assert last.reason.startswith("2 parts cannot be decoded, the first after frame 2: ")


@pytest.mark.parametrize("contents", [b"", b"no video at all", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"])
def test_files_that_are_no_videos(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(contents)
    with pytest.raises(InputError, match=r"a\.mp4 "):
        list(video_frames(tmp_path / "a.mp4"))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import av  # noqa: PLC0415

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), dtype=np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="has no images, only audio"):
        list(video_frames(tmp_path / "a.mp4"))


def test_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingFileError, match="no file"):
        video_frames(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'rga\[video\]'"):
        video_frames(tmp_path / "a.mp4")
