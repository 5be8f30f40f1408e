"""Faster ways to compute what ``rga.attention.relation`` and ``rga.attention.factorised`` define, each with its measured gain.

Everything here may be changed or deleted: the tests demand the same outputs, gradients and statistics, and that each fast path steps aside
where a child that it does not call is hooked, parametrised or replaced.
"""
