"""Claims of contributors, from any source that a reader can find; CONTRIBUTING.md says how one is written."""
