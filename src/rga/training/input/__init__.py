"""Batches: which samples make one, how processes read them, and random numbers that follow from the sample alone.

What is drawn here must not depend on the number of workers or processes.
"""
