"""What runs inside a target: the standard library only, in the syntax of Python 3.9.

Nothing else of the lab is visible from here. A request goes in as JSON, samples come out as JSON lines.
"""
