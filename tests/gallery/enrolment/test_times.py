"""Times with their zones."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rga.errors import InputError
from rga.gallery.enrolment.times import read_time, read_zone


def test_a_time_keeps_its_own_zone() -> None:
    time = read_time("2024-05-31T18:30:00+02:00", read_zone("UTC"))
    assert time.isoformat() == "2024-05-31T18:30:00+02:00"


@pytest.mark.parametrize(
    ("zone", "hour"), [("Europe/Berlin", 16), ("UTC", 18), ("utc", 18), ("+02:00", 16), ("-0330", 22), ("America/New_York", 22)]
)
def test_a_time_without_a_zone_is_in_the_declared_one(zone: str, hour: int) -> None:
    minutes = 0 if zone == "-0330" else 30
    assert read_time("2024-05-31 18:30", read_zone(zone)).astimezone(UTC) == datetime(2024, 5, 31, hour, minutes, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Europe/Paradise", "Europe", "../etc/passwd", "+25:00", "+2", "a\0b", "\udc80"])
def test_no_zone(zone: str) -> None:
    with pytest.raises(InputError, match="unknown time zone"):
        read_zone(zone)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday", "no date and time"),
        ("2024-05-31", "without a time of day"),
        ("2024-13-31T00:00Z", "no date and time"),
        ("2024-05-31T18:30", "has no time zone"),
        ("0001-01-01T00:00:00+02:00", "too near"),
    ],
)
def test_no_time(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_time(text, None)


def test_hours_that_are_there_twice_or_never() -> None:
    berlin = read_zone("Europe/Berlin")
    with pytest.raises(InputError, match="is there twice"):
        read_time("2024-10-27T02:30", berlin)
    with pytest.raises(InputError, match="does not exist"):
        read_time("2024-03-31T02:30", berlin)
    assert read_time("2024-10-27T02:30+01:00", berlin).utcoffset() == timedelta(hours=1)


@given(st.text() | st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat))
def test_any_text_is_a_time_or_one_clear_error(text: str) -> None:
    try:
        time = read_time(text, read_zone("Europe/Berlin"))
    except InputError:
        return
    assert time.astimezone(UTC).tzinfo is UTC
