"""What harms precision on this machine, with the command that helps; nothing is changed."""
