"""What lets every test file pass on its own, as well as with all others."""

from hypothesis import given, settings
from hypothesis import strategies as st


@given(st.integers())
def test_no_test_with_drawn_cases_has_a_deadline(number: int) -> None:
    """Whichever is the first of its process waits for PyTorch's first call."""
    assert settings.default is not None
    assert settings.default.deadline is None
