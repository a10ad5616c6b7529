"""One module a command of the command line; ``lab.cli`` holds the list of them."""
