"""Demos: generated data, a small network trained plain and with RGA-SC, and a report, in minutes and without a download.

What all demos do is in ``demonstration``; a demo is one file that says what it generates, trains and reports.
"""
