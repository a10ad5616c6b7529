"""The best pool for a function of the user's own: `lab tune` searches, measures the candidates anew, and answers."""
