"""Re-identification by tracklets: which frames are seen, how their features become one, and how tracklets are embedded."""
