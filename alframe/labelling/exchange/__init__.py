"""Archives that go out of a project, and those that come into it."""
