"""From a file to the windows of sound that a net hears."""
