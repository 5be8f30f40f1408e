"""The command line: one typed function per verb."""
