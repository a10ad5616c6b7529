"""One module per command of the command line; ``lab.cli`` has the list of commands."""
