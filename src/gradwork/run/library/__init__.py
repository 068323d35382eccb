"""The text of the helpers that printed programs call."""
