"""Ready-made strategies: a rule with parameters, stated as a desired state per bar."""
