"""The scenarios: a folder a family, a file a scenario, found by ``lab.agent.scenario.discover``."""
