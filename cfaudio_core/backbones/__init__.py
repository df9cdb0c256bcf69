"""Pretrained convnets: log-mel patches in, activations and tags out.

`weights` fetches the published weights, `checkpoint` reads their format, `musicnn` is the net in torch,
`pruning` removes their dead filters without changing what they compute, `musicnn_numpy` computes musicnn without torch,
and `registry` gives access to all of them by name. Only the nets need torch, and are imported where they are used.
"""
