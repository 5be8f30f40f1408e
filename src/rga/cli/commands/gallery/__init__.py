"""``rga gallery``: galleries of people: made, filled, searched, corrected, moved and looked after."""
