"""The library-scale run: hear what is new, learn when plays have changed, and give every track its vector."""
