"""Labels that people did not give when asked: sure predictions, reports from production, a model's doubts."""
