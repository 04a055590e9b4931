"""Who may do what in the labelling service, and who did."""
