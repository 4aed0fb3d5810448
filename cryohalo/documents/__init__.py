"""The reference pages of the site, made from the code that they describe: ``pages`` has all."""
