"""Options of enrolment: each is checked where it is given."""

from typing import Any

import pytest

from rga.errors import InputError
from rga.gallery.enrolment import EnrolmentOptions


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"people": "folder"}, "unknown value 'folder' of people: did you mean folders"),
        ({"tracks": "iou"}, "unknown value 'iou' of tracks"),
        ({"zone": "Paradise"}, "unknown time zone"),
        ({"start": "noon", "zone": "UTC"}, "start: 'noon' is no date and time"),
        ({"start": "2024-05-31T12:00"}, "start: .* has no time zone"),
        ({"every": -1}, "every must be at least 0"),
        ({"every": float("inf")}, "every must be a number of seconds"),
        ({"frame_rate": 0.0}, "frame_rate must be above 0"),
        ({"margin": 1.5}, "margin must lie between 0 and 1"),
        ({"min_height": 0}, "min_height"),
        ({"track_overlap": 0}, "track_overlap"),
        ({"track_gap": -1}, "track_gap"),
        ({"track_length": 0}, "track_length"),
        ({"crops_per_track": 0}, "crops_per_track"),
    ],
)
def test_options_out_of_their_range(option: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        EnrolmentOptions(**option)
