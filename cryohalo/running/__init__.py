"""Plans from the shell: each plan's own command, made from its signature, rehearsed and run."""
