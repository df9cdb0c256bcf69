"""A library that other machines have analysed is the one that this machine would have analysed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dask_cluster import dask_cluster
from user_home import Home

from cfaudio_core.util.vector_codec import decode

pytest.importorskip("distributed")

# Dask's own client leaves what Python warns of.
pytestmark = [pytest.mark.weights, pytest.mark.filterwarnings("ignore")]


def test_vectors_scores_and_tags_do_not_depend_on_who_analyses(unanalysed: Home, tmp_path: Path) -> None:
    with dask_cluster(tmp_path) as cluster:
        for _ in range(2):
            cluster.add_worker()
        unanalysed.configure({"executor": cluster.address})
        assert "Analysed 40 new tracks" in unanalysed.beet("cfembed").out
    there = {name: unanalysed.field(name) for name in ("cf_embedding", "cf_score", "cf_key", "cf_tags")}
    unanalysed.embed("--forget", "-y")
    unanalysed.configure()
    assert "Analysed 40 new tracks" in unanalysed.embed().out
    here = {name: unanalysed.field(name) for name in there}
    assert len(there["cf_embedding"]) == 40
    for item, vector in here["cf_embedding"].items():
        np.testing.assert_allclose(decode(there["cf_embedding"][item]), decode(vector), atol=1e-5)
    assert there["cf_score"].keys() == here["cf_score"].keys()
    for item, score in here["cf_score"].items():
        assert abs(float(there["cf_score"][item]) - float(score)) < 0.01
    assert (there["cf_key"], there["cf_tags"]) == (here["cf_key"], here["cf_tags"])
