"""Pretrained convnets: log-mel windows in, features and tags out.

`weights` brings the published weights, `checkpoint` reads their format, `musicnn` and `vgg` are the nets in
torch, `pruning` removes their dead filters without changing what they compute, and `backbone` is the door to
all of it. Only the nets need torch; this package, `weights`, `checkpoint` and `backbone` are imported
without it.
"""
