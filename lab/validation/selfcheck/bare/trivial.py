"""The task of the pools: in a module, as the agent's is, for pickle looks a function up by the name of its module."""


def identity(value):
    return value
