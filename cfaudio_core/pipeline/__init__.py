"""The run over a library: extract, fit, embed."""
