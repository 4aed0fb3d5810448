"""The working fluid: liquid 4He, its mixtures with 3He, how they flow and boil."""
