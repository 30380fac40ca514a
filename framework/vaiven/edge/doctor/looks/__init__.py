"""Facts, gathered: from settings, this machine, the store, its servers, and the street. Nothing is changed by looking."""
