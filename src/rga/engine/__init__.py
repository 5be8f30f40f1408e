"""Training, whatever the task: the loop, schedules, checkpoints, logs, devices."""
