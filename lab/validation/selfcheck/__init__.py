"""The proof of the lab's own numbers on this machine: accuracy, precision for the time, false alarms, missed changes.

Every part writes what it measured as it goes, and is judged from those files. All results are ratios and rates of one
run; nothing here is to be compared between machines.
"""
