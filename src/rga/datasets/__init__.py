"""What the datasets of all tasks share: layouts, the catalogue, checks and contact sheets.

Readers of one task live with the task, in its ``datasets``.
"""
