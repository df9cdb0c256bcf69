"""The settings of the configuration, checked."""
