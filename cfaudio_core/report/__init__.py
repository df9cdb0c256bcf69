"""The report: a page with a map, the net's units and figures of quality, and the small server that plays its tracks."""
