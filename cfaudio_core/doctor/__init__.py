"""What this machine has, and what cfaudio keeps: one finding each, with what to do about it.

`machine` looks at packages, decoders and weights, `stores` at folders, databases and models. Nothing is written, and no
finding has a secret in it.
"""
