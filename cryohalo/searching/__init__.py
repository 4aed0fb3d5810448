"""The search that runs: its analysis in a process apart, and what that tells the page."""
