"""Recipes: functions that return a task's configuration; a file for each family."""
