"""What a round asks for, given out one item to one person at a time, and answered once."""
