"""Tell systems outside what happened."""
