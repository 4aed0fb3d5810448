"""The simulated experiment: cavity, drives, cryostat, receiver, instruments."""
