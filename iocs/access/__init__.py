"""Who may read and write what: access security rules, hosts, users of the system."""
