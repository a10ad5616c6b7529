"""The scenarios: one folder per family, one file per scenario, found by ``lab.agent.scenario.discover``."""
