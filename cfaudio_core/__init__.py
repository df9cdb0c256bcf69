"""cfaudio: recommends from one's own library, by what is played and by the audio.

The folders are the stages of the pipeline, in the order in which data flows: `history` (listens), `data` (tracks,
listeners, interactions), `audio` (files to log-mel windows), `backbones` (windows to activations), `features` (of every
track, stored), `factorization` (interactions to latent factors), `finetuning`, `models` and `training` (features and
tags to preferences and factors), `pipeline` (the run over a library), `ranking` (scores to lists), `targets`,
`evaluation` and `report`. A stage imports only the stages before it (docs/developers.md has their order), and nothing
here knows beets.
"""

__version__ = "0.2.0"
