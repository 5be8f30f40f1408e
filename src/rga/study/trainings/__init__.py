"""Sets of trainings: each in a process of its own, some side by side, stopped and continued together."""

from __future__ import annotations
