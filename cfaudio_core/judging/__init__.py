"""How good a ranking is: pure functions of scores and what really was played."""
