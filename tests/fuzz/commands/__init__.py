"""Commands with flags in random combinations: what they write is what the functions of the package return."""
