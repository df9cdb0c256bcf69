"""Where a playlist goes: one module a target."""
