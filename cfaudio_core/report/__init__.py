"""The page: a map of the library, what was learnt, and how well; and the small server that lets it play."""
