"""People label: what is asked of whom, what they answer, and what holds in the end."""
