"""Reproduce a run: carry out its plan on this machine, and judge which of its findings hold here.

Findings are ratios, verdicts, crossings and best worker counts. Times are not findings, because a machine that is
faster or slower does not contradict them.
"""
