"""The CAPP-12TB haloscope as physics: axion line, cavity, receiver, instruments, machine.

Yi et al., "DFSZ Axion Dark Matter Search around 4.55 ueV", Phys. Rev. Lett. 130, 071002 (2023),
called "the letter" throughout this package.
"""
