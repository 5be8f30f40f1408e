"""The forms in which a graph is written, each with the runtime that runs it again from its file."""
