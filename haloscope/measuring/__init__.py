"""What an operator works out from measured data alone: resonances, gain, noise."""
