"""Training, whatever the task: the loop, its state, the recipe's common fields, schedules, averaged weights.

Knows no task: those offer what ``task.Task`` says.
"""
