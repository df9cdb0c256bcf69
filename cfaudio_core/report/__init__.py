"""The report: a page of sections, which plain values make, and the small server that plays its tracks."""
