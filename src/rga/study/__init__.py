"""Controlled comparisons: the paper's tables, and our own questions, as sets of trainings that can be run, stopped and continued."""

from __future__ import annotations
