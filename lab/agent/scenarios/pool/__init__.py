"""Pools of workers: their interfaces, how they scale, what they wait for."""
