"""Nothing outlives its cell: process groups, job objects, semaphores."""
