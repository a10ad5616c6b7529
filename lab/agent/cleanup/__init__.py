"""Removal of whatever a cell leaves behind: processes and semaphores."""
