"""Vetoes: is a candidate interference, and how often would an axion be taken for some?"""
