"""People in videos and folders of frames, from frames to the crops that are enrolled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from rga.errors import InputError
from rga.gallery.crop import Box, Crop, Unreadable
from rga.gallery.enrolment import Detections, EnrolmentOptions, Frame, crops_of
from rga.gallery.enrolment.detectors.mot_file import MotFile

pytest.importorskip("av")

from gallery.enrolment.making import walkers, write_video

COUNT = 60
WALK = [[Box(4 + 3 * step, 10, 20, 50), Box(170 - 2 * step, 60, 20, 50)] for step in range(COUNT)]
"""Two people who walk towards each other in lanes of their own, at ten frames a second; the first leaves the frame half at the end."""


def known(frame: Frame) -> Detections:
    """A detector that knows the walk."""
    return Detections(np.array(WALK[frame.number], dtype=float), np.ones(2))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "street.mp4", [walkers(boxes) for boxes in WALK])


def crops(source: Path, detector: object = known, **options: object) -> list[Crop]:
    found = list(crops_of(source, options=EnrolmentOptions(**options), detector=detector))  # type: ignore[arg-type]
    assert all(isinstance(each, Crop) for each in found)
    return [each for each in found if isinstance(each, Crop)]


def by_track(found: Sequence[Crop]) -> dict[int | None, list[Crop]]:
    return {track: [crop for crop in found if crop.track == track] for track in sorted({crop.track for crop in found}, key=str)}


def test_each_person_is_a_track_with_the_best_few_crops(video: Path) -> None:
    found = crops(video, start="2024-05-31T12:00:00+02:00", camera="gate")
    tracks = by_track(found)
    assert [len(each) for each in tracks.values()] == [5, 5]
    for person, track in enumerate(tracks.values()):
        numbers = [crop.frame for crop in track if crop.frame is not None]
        assert numbers == sorted({*numbers})
        assert all(number % 2 == 0 for number in numbers)  # every 0.2 s
        assert numbers[-1] - numbers[0] > 25
        assert [crop.box for crop in track] == [WALK[number][person] for number in numbers]
        assert [crop.time.isoformat(timespec="milliseconds") for crop in track if crop.time] == [
            f"2024-05-31T12:00:0{number // 10}.{number % 10}00+02:00" for number in numbers
        ]
    assert {crop.camera for crop in found} == {"gate"}
    assert {crop.source for crop in found} == {"street.mp4"}
    for crop in found:
        assert crop.box is not None
        left, top, width, height = map(round, crop.box)
        assert crop.frame is not None
        scene = walkers(WALK[crop.frame])[top : top + height, left : left + width]
        assert crop.image.shape == scene.shape
        assert np.abs(crop.image.astype(int) - scene).mean() < 25


def test_the_same_crops_each_time_and_each_its_own(video: Path) -> None:
    first, second = crops(video), crops(video)
    assert [crop.content for crop in first] == [crop.content for crop in second]
    assert len({crop.content for crop in first}) == len(first)
    assert [crop.content for crop in crops(video, margin=0.1)] == [crop.content for crop in first]


def test_who_is_cut_by_the_edge_is_not_chosen(video: Path) -> None:
    """The first walker reaches the right edge in frame 58."""
    last = max(crop.frame or 0 for crop in by_track(crops(video, every=0.0))[0])
    assert 40 < last < 58


def test_who_walks_behind_a_sign_is_not_chosen_there(tmp_path: Path) -> None:
    """The sign is sharper than any person, and has no box."""
    scenes = [np.array(Image.fromarray(walkers(boxes)).filter(ImageFilter.GaussianBlur(2))) for boxes in WALK]
    for scene in scenes:
        scene[0:50, 80:110] = np.where(np.indices((50, 30)).sum(axis=0)[..., None] % 4 < 2, (255, 0, 0), (90, 0, 0))
    found = by_track(crops(write_video(tmp_path / "sign.mp4", scenes), every=0.0))[0]
    assert len(found) == 5
    assert [crop.frame for crop in found if crop.box is not None and 65 < crop.box.left < 105] == []


def test_options_of_tracks(video: Path) -> None:
    assert [len(each) for each in by_track(crops(video, crops_per_track=2)).values()] == [2, 2]
    assert [crop.image.shape for crop in crops(video, crops_per_track=1, margin=0.1)] == [(60, 24, 3)] * 2
    assert crops(video, min_height=51) == []
    assert len(by_track(crops(video, track_length=30))) == 2
    assert crops(video, track_length=31) == []
    alone = crops(video, tracks="none")
    assert (len(alone), {crop.track for crop in alone}) == (60, {None})
    assert len(by_track(crops(video, track_overlap=1.0))) > 30
    assert {crop.time for crop in crops(video)} == {None}


def test_a_track_is_given_out_when_it_ends(video: Path) -> None:
    asked: list[int] = []

    def one_leaves(frame: Frame) -> Detections:
        asked.append(frame.number)
        return known(frame).keep(np.array([0, 1] if frame.number < 20 else [1]))

    first = next(crops_of(video, detector=one_leaves, options=EnrolmentOptions(every=0, track_gap=3)))
    assert isinstance(first, Crop)
    assert first.track == 0
    assert asked[-1] == 23


def test_who_comes_back_later_is_a_new_track(video: Path) -> None:
    def hidden(frame: Frame) -> Detections:
        return known(frame).keep(np.array([0] if frame.number < 10 or frame.number > 40 else [], dtype=np.int64))

    assert [*by_track(crops(video, hidden))] == [0, 1]


def test_the_numbers_of_a_file_are_kept_when_asked(video: Path, tmp_path: Path) -> None:
    lines = [
        f"{step + 1},{70 + person},{','.join(map(str, box))},1"
        for step, boxes in enumerate(WALK)
        for person, box in enumerate(boxes)
        if person == 0 or not 20 < step < 50
    ]
    (tmp_path / "gt.txt").write_text("\n".join(lines))
    assert [*by_track(crops(video, MotFile(tmp_path / "gt.txt"), tracks="detector"))] == [70, 71]
    assert len(by_track(crops(video, MotFile(tmp_path / "gt.txt")))) == 3
    with pytest.raises(InputError, match=r"street\.mp4, frame 0: the detector does not say which boxes are of one person"):
        crops(video, tracks="detector")


def test_boxes_of_another_video_are_told(video: Path, folder: Path, tmp_path: Path) -> None:
    for count, fits in ((COUNT, True), (COUNT + 20, False)):
        (tmp_path / "det.txt").write_text("".join(f"{step + 1},-1,4,10,20,50,1\n" for step in range(count)))
        if fits:
            assert crops(video, MotFile(tmp_path / "det.txt"))
            continue
        with pytest.raises(InputError, match=rf"det\.txt has boxes up to frame {count}, and the source ends about frame 59"):
            crops(video, MotFile(tmp_path / "det.txt"))
    for source in (folder, folder / "1.png"):
        with pytest.raises(InputError, match="they are of another video"):
            crops(source, MotFile(tmp_path / "det.txt"))


def test_boxes_outside_of_the_frame_are_left_out(video: Path) -> None:
    def outside(frame: Frame) -> Detections:
        return Detections(np.array([[200.0, 0, 40, 80], [-39.8, 0, 40, 80], [0, 0, 40, 80]]), np.ones(3))

    assert [crop.box for crop in crops(video, outside, crops_per_track=1)] == [Box(0, 0, 40, 80)]


def test_a_video_needs_a_detector(video: Path) -> None:
    with pytest.raises(InputError, match="is a video, in which a detector has to find people"):
        crops_of(video)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, boxes in enumerate(WALK[:8]):
        Image.fromarray(walkers(boxes)).save(tmp_path / f"{number + 1}.png")
    return tmp_path


def test_a_folder_of_frames_is_a_video_if_its_rate_is_known(folder: Path) -> None:
    found = crops(folder, frame_rate=4, start="2024-05-31T12:00Z", every=0)
    assert [len(each) for each in by_track(found).values()] == [5, 5]
    for crop in found:
        assert crop.frame is not None
        assert crop.source == f"{crop.frame + 1}.png"
        assert crop.time is not None
        assert crop.time.timestamp() % 60 == crop.frame / 4


def test_recordings_tell_tracks_of_one_number_apart(folder: Path, video: Path, tmp_path: Path) -> None:
    def recordings(source: Path, detector: object = known, **options: object) -> set[str]:
        return {crop.recording for crop in crops(source, detector, **options)}

    def a_little_off(frame: Frame) -> Detections:
        return Detections(known(frame).boxes + 2, np.ones(2))

    shorter = write_video(tmp_path / "other.mp4", [walkers(boxes) for boxes in WALK[:40]])
    (tmp_path / "street.mp4").write_bytes(shorter.read_bytes())
    (tmp_path / "moved.mp4").write_bytes(video.read_bytes())
    (tmp_path / "frames").mkdir()
    for number in range(1, 9):
        (tmp_path / "frames" / f"{number}.png").write_bytes((folder / f"{number}.png").read_bytes())
    told = [
        recordings(video),
        recordings(tmp_path / "street.mp4"),  # the name alone is the same
        recordings(video, every=0.5),
        recordings(video, track_gap=2),
        recordings(video, a_little_off),
        recordings(tmp_path / "frames", frame_rate=4),
    ]
    assert [len(each) for each in told] == [1] * len(told)
    assert len(set[str].union(*told)) == len(told)
    assert recordings(video, crops_per_track=2, margin=0.1) == recordings(tmp_path / "moved.mp4") == told[0]
    Image.fromarray(walkers(WALK[9])).save(tmp_path / "frames" / "1.png")
    assert recordings(tmp_path / "frames", frame_rate=4) != told[-1]
    (tmp_path / "sites" / "a").mkdir(parents=True)
    (tmp_path / "sites" / "b").mkdir()
    for site, value in (("a", 1), ("b", 2)):
        Image.new("RGB", (20, 40), (value, 0, 0)).save(tmp_path / "sites" / site / "0001.bmp")
    one, other = (crops(tmp_path / "sites" / site, None)[0] for site in "ab")
    assert (one.source, one.recording == other.recording) == (other.source, False)


def test_frames_without_a_rate_have_nothing_to_do_with_each_other(folder: Path) -> None:
    found = crops(folder)
    assert (len(found), {crop.track for crop in found}, {crop.time for crop in found}) == (16, {None}, {None})
    (alone, _) = crops(folder / "1.png")
    assert alone.content == found[0].content


def test_no_option_is_passed_over(folder: Path, video: Path) -> None:
    start = "2024-05-31T12:00Z"
    (folder / "crops.csv").write_text("image\n1.png\n")
    for source, detector, options, said in (
        (folder, known, {"start": start}, "--start"),
        (folder, None, {"start": start}, "--start"),
        (folder / "1.png", known, {"start": start}, "--start"),
        (folder / "crops.csv", None, {"start": start}, "--start"),
        (folder, None, {"frame_rate": 5.0}, "--frame-rate"),
        (folder, None, {"start": start, "frame_rate": 5.0}, "--start"),
        (folder / "crops.csv", None, {"frame_rate": 5.0}, "--frame-rate"),
        (folder, known, {"people": "folders"}, "--people folders"),
        (video, known, {"people": "folders"}, "--people folders"),
        (folder / "1.png", None, {"people": "folders"}, "--people folders"),
        (folder / "crops.csv", None, {"people": "folders"}, "--people folders"),
    ):
        with pytest.raises(InputError, match=f"^{said} "):
            crops_of(source, options=EnrolmentOptions(**options), detector=detector)


def test_a_box_in_a_frame_is_the_same_crop_from_a_table(folder: Path) -> None:
    (folder / "crops.csv").write_text("image,left,top,width,height\n1.png,4,10,20,50\n")
    (crop,) = crops(folder / "crops.csv", None)
    assert crop.content == crops(folder)[0].content


def test_a_damaged_frame_is_told(folder: Path) -> None:
    (folder / "3.png").write_bytes(b"no image")
    found = list(crops_of(folder, detector=known))
    assert [type(each) for each in found] == [Crop] * 4 + [Unreadable] + [Crop] * 10
