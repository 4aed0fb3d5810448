"""What a site decides about its control room: one validated TOML file, overridden by variables.

>>> from cryohalo.configuration import read
>>> found = read()
>>> found.values.haloscope.prefix, found.origin("haloscope.prefix")
('HALO:', 'default')
"""

from cryohalo.configuration.model import Configuration, Instrument
from cryohalo.configuration.reading import ConfigurationError, Found, read
from cryohalo.configuration.text import commented

__all__ = ["Configuration", "ConfigurationError", "Found", "Instrument", "commented", "read"]
