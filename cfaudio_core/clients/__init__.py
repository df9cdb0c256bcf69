"""HTTP clients, one module a service."""
