"""Random inputs of six kinds: each gives the right result, by an oracle, or one clear error. ``make fuzz CASES=10000`` runs them."""
