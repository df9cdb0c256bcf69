"""Sphinx: `make docs` builds these pages into build/docs."""

from pygments.lexers.special import TextLexer

import cfaudio_core

project = "cfaudio"
author = "the authors of beets-cfaudio"
copyright = author
version = release = cfaudio_core.__version__

extensions = ["myst_parser"]
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = f"cfaudio {release}"
html_show_sourcelink = False
html_copy_source = False


def setup(app):
    """Crontabs are shown as they are: Pygments has no lexer for them."""
    app.add_lexer("cron", TextLexer)
