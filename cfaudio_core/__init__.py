"""cfaudio: learn from what is played and how it sounds, and recommend from one's own library.

The folders are the stages, in the order in which data flows: `listening` (counts and listens), `factors` (what is
heard together), `audio` (files to log-mel windows), `nets` (log-mel to features), `learning` (features to factors and
preference), `embedding` (the library-scale run), `recommending` (the choice), `judging` (how good it is).
A stage imports only the stages before it, and nothing here knows beets. `services` speaks to servers, for sources and
targets alike.
"""

__version__ = "0.1.0"
