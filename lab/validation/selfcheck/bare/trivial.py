"""The task of the pools, in a module as the agent's is, because pickle finds a function by its module's name."""


def identity(value):
    return value
