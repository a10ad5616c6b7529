"""Validation of the lab's numbers on this machine: accuracy, precision, a loaded machine, false alarms, missed changes.

Each part writes its measurements while it runs and derives its verdict from them. Every result is a ratio or a rate
within one run, so results of different machines are not comparable.
"""
