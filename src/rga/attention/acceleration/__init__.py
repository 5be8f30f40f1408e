"""Faster ways to compute what ``rga.attention.relation`` and ``rga.attention.factorised`` define, each with its measured gain.

Everything here may be changed or deleted: the tests demand the same outputs, gradients and statistics, and that each fast path steps aside
where a child that it does not call is hooked, parametrised or replaced.

The gains in the files' docstrings are of ``python benchmarks/attention.py accelerations --batch-size 4 --rounds 21``: RGA-SC after the four
stages of ResNet-50 at 256x128, one core, CPU time, medians of the rounds' ratios. Other programs were running: with nothing left out, the
ratio was 0.98.
"""
