"""A run, carried out again elsewhere: what its manifest plans, and which of its findings hold here.

Findings are ratios, verdicts, crossings and best worker counts, never times: another machine is faster or slower, and
that contradicts nobody.
"""
