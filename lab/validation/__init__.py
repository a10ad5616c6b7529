"""The proof of the lab's numbers (selfcheck) and of its own cost (bench)."""
