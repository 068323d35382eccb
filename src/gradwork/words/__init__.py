"""Every sentence that is shown to a person, by subject and language."""
