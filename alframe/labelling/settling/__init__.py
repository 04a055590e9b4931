"""From answers to labels that hold: gold, agreement, consensus, review, and the versions of what is settled."""
