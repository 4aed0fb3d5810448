"""The error budget: every recorded error carried to the expected power and to the limit."""
