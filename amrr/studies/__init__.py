"""Studies of the refrigerator: many machines, each brought to its periodic state.

``ranges`` has the parameters that may be varied, ``cases`` what is asked of a machine,
``uncertainty`` the sensitivity to each parameter and the band that all of them make together.
"""
