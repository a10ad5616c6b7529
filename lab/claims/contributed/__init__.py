"""Claims that contributors add, from any public source; CONTRIBUTING.md explains how to write one."""
