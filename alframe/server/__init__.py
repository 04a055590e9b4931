"""The labelling service over HTTP: routes of a few lines over the rooms that do the work, and the page."""
