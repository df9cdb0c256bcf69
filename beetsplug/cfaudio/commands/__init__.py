"""The commands of `beet`, one module a command."""
