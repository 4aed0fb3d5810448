"""The sub-kelvin active magnetic regenerative refrigerator as physics."""
