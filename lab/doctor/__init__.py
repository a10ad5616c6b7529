"""What on this machine harms precision, and the command that helps. Nothing is changed; what cannot be read is said."""
