"""Sets of trainings whose results are compared: the paper's tables as data, the runs of each seed, their evidence and its page."""
