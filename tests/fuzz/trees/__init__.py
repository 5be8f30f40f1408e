"""Datasets in folders, tables and zips: the same splits and labels, whatever lies around them."""
