"""The part of the lab that runs inside a target: standard library only, syntax of Python 3.9.

It imports nothing else of the lab. It reads a request as JSON and writes samples as JSON lines.
"""
