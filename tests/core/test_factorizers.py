"""Contract of every factorizer, and the properties of each."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.factorization import softmax_mf, wmf
from cfaudio_core.factorization.confidence import KINDS, Confidence
from cfaudio_core.factorization.factorizer import FactorizerSettings, make_factorizer
from cfaudio_core.factorization.softmax_mf import VectorExpSettings
from cfaudio_core.factorization.tuning import MIN_HIDDEN_ENTRIES, tune
from cfaudio_core.factorization.wmf import Factors, WmfSettings


def matrix_of(dense):
    return sparse.csr_array(np.asarray(dense, np.float32))


@pytest.fixture(scope="module")
def blocks():
    """Two groups of 30 contexts and 20 tracks each, of which a context has six in ten, and the group of every track."""
    rng = np.random.default_rng(0)
    dense = np.kron(np.eye(2), np.ones((30, 20))) * (rng.random((60, 40)) < 0.6) * rng.integers(2, 5, (60, 40))
    return matrix_of(dense), np.repeat([0, 1], 20)


@pytest.fixture(scope="module")
def low_rank():
    """Contexts that draw 20 of 300 tracks from a softmax of rank 5; a quarter of them is hidden."""
    rng = np.random.default_rng(1)
    score = 2.0 * rng.normal(size=(200, 5)) @ rng.normal(size=(5, 300)) / np.sqrt(5) + rng.normal(size=300)
    kept, hidden = np.zeros((200, 300), np.float32), np.zeros((200, 300), bool)
    for u, row in enumerate(np.exp(score)):
        drawn = rng.choice(300, 20, replace=False, p=row / row.sum())
        kept[u, drawn[:15]] = rng.integers(1, 20, 15)
        hidden[u, drawn[15:]] = True
    return matrix_of(kept), hidden


def ndcg(factors, kept, hidden, depth=20):
    scores = factors.contexts @ factors.tracks.T
    scores[kept.toarray() != 0] = -np.inf
    order = np.argsort(-scores, axis=1)[:, :depth]
    discount = 1 / np.log2(np.arange(2, depth + 2))
    gain = np.take_along_axis(hidden, order, axis=1) @ discount
    return float(np.mean(gain / np.sum(discount[: hidden[0].sum()])))


def before(these, those):
    """The probability that one of these scores more than one of those."""
    return np.mean(these[:, None] > those[None, :])


def loss(matrix, factors, settings):
    """The formula of the module `wmf` at these factors, in float64."""
    w = matrix.toarray().astype(np.float64)
    x, y = factors.contexts.astype(np.float64), factors.tracks.astype(np.float64)
    score, observed = x @ y.T, w != 0
    total = np.sum(np.abs(w) * ((w > 0) - score) ** 2) + settings.unobserved * np.sum(score**2)
    for side, lengths, others in (
        (x, observed.sum(axis=1), observed.any(axis=0)),
        (y, observed.sum(axis=0), observed.any(axis=1)),
    ):
        ridge = (lengths + settings.unobserved * others.sum()) ** settings.frequency
        total += settings.regularisation * np.sum(ridge @ side**2)
    return total


class FactorizerMixin:
    """Mixed into one class a factorizer."""

    name: str
    settings = FactorizerSettings(
        8, WmfSettings(confidence="log"), VectorExpSettings(epochs=15, batch=32, regularisation=0.1)
    )
    floor: float

    @property
    def model(self):
        return make_factorizer(self.name, self.settings)

    def fit(self, matrix, seed=0):
        return self.model.fit(matrix, np.random.default_rng(seed))

    def test_shapes_and_types(self, blocks):
        factors = self.fit(blocks[0])
        assert factors.contexts.shape == (60, 8) and factors.tracks.shape == (40, 8)
        assert factors.contexts.dtype == factors.tracks.dtype == np.float32
        assert all(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in factors.memory.values())

    def test_an_odd_number_of_factors(self, blocks):
        model = make_factorizer(self.name, replace(self.settings, factors=5))
        assert model.fit(blocks[0], np.random.default_rng(0)).tracks.shape == (40, 5)

    def test_blocks_are_separated(self, blocks):
        matrix, group = blocks
        factors = self.fit(matrix)
        scores = factors.contexts @ factors.tracks.T
        own = group[None, :] == np.repeat([0, 1], 30)[:, None]
        unobserved = own & (matrix.toarray() == 0)
        # Even the tracks that a context has not, if they are of its group.
        assert np.mean([before(scores[u][unobserved[u]], scores[u][~own[u]]) for u in range(60)]) > 0.95

    def test_the_same_seed_gives_the_same_bits_and_another_does_not(self, blocks):
        first, again, other = self.fit(blocks[0]), self.fit(blocks[0]), self.fit(blocks[0], seed=1)
        assert np.array_equal(first.contexts, again.contexts) and np.array_equal(first.tracks, again.tracks)
        assert not np.array_equal(first.tracks, other.tracks)

    def test_the_matrix_is_left_alone(self, blocks):
        matrix = blocks[0].copy()
        self.fit(matrix)
        self.model.fold_in(matrix, self.fit(matrix))
        assert np.array_equal(matrix.toarray(), blocks[0].toarray())

    def test_folding_in_the_fitted_rows_gives_their_ranking(self, low_rank):
        factors = self.fit(low_rank[0])
        folded = self.model.fold_in(low_rank[0][:50], factors)
        assert folded.shape == (50, 8) and folded.dtype == np.float32
        before, after = factors.contexts[:50] @ factors.tracks.T, folded @ factors.tracks.T
        top = [np.argsort(-scores, axis=1)[:, :20] for scores in (before, after)]
        assert np.mean([len(np.intersect1d(a, b)) / 20 for a, b in zip(*top, strict=True)]) > 0.95

    def test_a_new_context_finds_its_group(self, blocks):
        matrix, group = blocks
        factors = self.fit(matrix)
        row = np.zeros((1, 40))
        row[0, [21, 25, 30]] = 4
        scores = (self.model.fold_in(matrix_of(row), factors) @ factors.tracks.T)[0]
        assert before(scores[group == 1], scores[group == 0]) > 0.95

    def test_empty_rows_and_columns_change_nothing(self, blocks):
        dense = blocks[0].toarray()
        wide = np.zeros((63, 44), np.float32)
        rows, columns = np.delete(np.arange(63), [0, 20, 62]), np.delete(np.arange(44), [3, 10, 11, 43])
        wide[np.ix_(rows, columns)] = dense
        small, large = self.fit(matrix_of(dense)), self.fit(matrix_of(wide))
        assert np.isfinite(large.contexts).all() and np.isfinite(large.tracks).all()
        scores = large.contexts[rows] @ large.tracks[columns].T
        assert scores == pytest.approx(small.contexts @ small.tracks.T, abs=2e-2 * float(np.abs(scores).max()))
        everyone = large.contexts @ large.tracks.T
        assert everyone[rows][:, [3, 10, 11, 43]].max() < np.quantile(scores, 0.75)

    def test_nothing_at_all_is_harmless(self):
        factors = self.fit(sparse.csr_array((4, 6), dtype=np.float32))
        assert np.isfinite(factors.contexts).all() and np.isfinite(factors.tracks).all()
        assert self.model.fold_in(sparse.csr_array((2, 6), dtype=np.float32), factors).shape == (2, 8)
        assert self.fit(sparse.csr_array((0, 0), dtype=np.float32)).tracks.shape == (0, 8)

    def test_a_skipped_track_falls_below_an_unobserved_one(self, blocks):
        dense = blocks[0].toarray()
        twins = np.hstack([dense, dense[:, :1], dense[:, :1]])
        twins[0, [0, 40, 41]] = 0
        twins[0, 40] = -8
        factors = self.fit(matrix_of(twins))
        scores = factors.contexts[0] @ factors.tracks.T
        assert scores[40] < scores[41]

    def test_a_known_structure_is_found_again(self, low_rank):
        assert ndcg(self.fit(low_rank[0]), *low_rank) > self.floor


class TestWmf(FactorizerMixin):
    name = "wmf"
    floor = 0.22

    @pytest.fixture
    def problem(self, low_rank):
        settings = WmfSettings(8, confidence="raw", unobserved=0.2, regularisation=0.02)
        return Confidence.of(low_rank[0], "row_log").apply(low_rank[0]), settings

    def test_solved_rows_satisfy_the_normal_equations(self, problem):
        matrix, settings = problem
        matrix = matrix.copy()
        matrix.data[::7] *= -1
        y = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
        x = wmf.solve_rows(matrix, y, settings)
        for u in (0, 3, 77):
            w = matrix[[u]].toarray()[0].astype(np.float64)
            ridge = settings.regularisation * (np.count_nonzero(w) + settings.unobserved * 300)
            a = (y.T * np.abs(w)) @ y + settings.unobserved * y.T @ y + ridge * np.eye(8)
            assert x[u] == pytest.approx(np.linalg.solve(a, np.maximum(w, 0) @ y), abs=1e-4)

    def test_every_sweep_lowers_the_loss_and_the_end_is_a_minimum(self, problem):
        matrix, settings = problem
        matrix.data /= np.abs(matrix.data).mean()
        losses = []
        for sweeps in (1, 2, 4, 8, 16):
            found = wmf.factorize(matrix, replace(settings, iterations=sweeps), np.random.default_rng(0))
            losses.append(loss(matrix, found, settings))
        assert losses == sorted(losses, reverse=True)
        rng = np.random.default_rng(1)
        best = wmf.factorize(matrix, replace(settings, iterations=100), np.random.default_rng(0))
        least = loss(matrix, best, settings)
        for _ in range(5):
            moved = [a + 0.02 * rng.normal(size=a.shape).astype(np.float32) * np.abs(a).mean() for a in best[:2]]
            assert loss(matrix, Factors(*moved), settings) > least

    def test_regularisation_by_frequency_shrinks_frequent_tracks_more(self, low_rank):
        popular = np.argsort(-np.bincount(low_rank[0].indices, minlength=300))[:30]
        size = {}
        for nu, reg in ((1.0, 0.02), (0.0, 0.02 * 60)):
            settings = WmfSettings(8, confidence="binary", regularisation=reg, frequency=nu)
            tracks = wmf.factorize(low_rank[0], settings, np.random.default_rng(0)).tracks
            size[nu] = np.linalg.norm(tracks[popular]) / np.linalg.norm(tracks)
        assert size[1.0] < size[0.0]


class TestVectorExp(FactorizerMixin):
    name = "vector_exp"
    floor = 0.20

    def test_contexts_are_at_the_optimum_of_the_likelihood(self, low_rank):
        settings = replace(self.settings.vector_exp, factors=8, confidence="log")
        found = softmax_mf.factorize(low_rank[0], settings, np.random.default_rng(0))
        counts = Confidence.of(low_rank[0], "log").apply(low_rank[0])
        met = found.memory["met"] > 0
        v = found.tracks[met].astype(np.float64)
        for u in (0, 50, 199):
            n, x = counts[[u]].toarray()[0][met], found.contexts[u].astype(np.float64)
            p = np.exp(v @ x - np.max(v @ x))
            pull = settings.regularisation * n.sum() * (x - found.memory["mean"])
            gradient = (n.sum() * p / p.sum() - n) @ v + pull
            assert np.linalg.norm(gradient) < 0.02 * np.linalg.norm(n @ v)

    def test_with_no_room_to_differ_everybody_likes_what_is_popular(self, low_rank):
        settings = replace(self.settings.vector_exp, factors=8, regularisation=1e3, confidence="raw", epochs=30)
        found = softmax_mf.factorize(low_rank[0], settings, np.random.default_rng(0))
        plays = np.asarray(low_rank[0].sum(axis=0)).ravel()
        assert np.corrcoef((found.contexts @ found.tracks.T)[0][plays > 0], np.log(plays[plays > 0]))[0, 1] > 0.99

    def test_of_many_tracks_a_sample_is_enough_to_find_what_belongs_together(self, low_rank, monkeypatch):
        kept, hidden = low_rank
        settings = replace(self.settings.vector_exp, factors=8)
        exact = softmax_mf.factorize(kept, settings, np.random.default_rng(0))
        monkeypatch.setattr(softmax_mf, "MAX_EXACT_TRACKS", 100)
        monkeypatch.setattr(softmax_mf, "_SAMPLED_TRACKS", 60)
        settings = replace(settings, batch=8)  # few contexts, so that others are left to sample from
        sampled = softmax_mf.factorize(kept, settings, np.random.default_rng(0))
        assert ndcg(sampled, kept, hidden) > 0.9 * ndcg(exact, kept, hidden)

    def test_contexts_may_stay_short_of_their_optimum_and_tracks_are_the_same(self, low_rank):
        rough, best = (
            self.model.fit(low_rank[0], np.random.default_rng(0), optimise_contexts=optimise)
            for optimise in (False, True)
        )
        np.testing.assert_array_equal(rough.tracks, best.tracks)
        assert not np.array_equal(rough.contexts, best.contexts)


class TestBoth(FactorizerMixin):
    name = "both"
    floor = 0.20

    def test_either_half_counts_alike(self, low_rank):
        factors = self.fit(low_rank[0])
        met = np.bincount(low_rank[0].indices, minlength=300) > 0
        for half in (slice(0, 4), slice(4, 8)):
            assert np.std(factors.contexts[:, half] @ factors.tracks[met, half].T) == pytest.approx(1, abs=0.02)


def test_an_unknown_factorizer_is_named():
    with pytest.raises(ValueError, match="'svd'"):
        make_factorizer("svd", FactorizerSettings())


class TestConfidence:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("damping", [0.0, 0.3])
    def test_mean_sign_and_scale(self, kind, damping, low_rank):
        matrix = low_rank[0].copy()
        matrix.data[::9] *= -1
        result = Confidence.of(matrix, kind, damping).apply(matrix)
        assert np.abs(result.data).mean() == pytest.approx(1, rel=0.05)
        assert np.array_equal(np.sign(result.toarray()), np.sign(matrix.toarray()))
        louder = matrix * np.float32(1000)
        assert Confidence.of(louder, kind, damping).apply(louder).data == pytest.approx(result.data, rel=1e-4)

    def test_row_log_makes_listeners_alike(self):
        matrix = matrix_of([[1, 2, 4, 0], [1000, 2000, 4000, 0]])
        rows = Confidence.of(matrix, "row_log").apply(matrix).toarray()
        assert rows[0] == pytest.approx(rows[1])
        assert not np.allclose(*Confidence.of(matrix, "log").apply(matrix).toarray())

    def test_damping_takes_from_the_popular(self):
        matrix = matrix_of([[1, 1, 0], [1, 0, 0], [1, 0, 1]])
        damped = Confidence.of(matrix, "binary", 0.5).apply(matrix).toarray()
        assert damped[0, 0] < damped[0, 1]
        assert damped[0, 0] < damped[1, 0]

    def test_an_unknown_kind_is_named(self):
        with pytest.raises(ValueError, match="'cubic'"):
            Confidence.of(matrix_of([[1]]), "cubic")


class TestTuning:
    BAD = FactorizerSettings(8, WmfSettings(unobserved=0.64, regularisation=0.1, iterations=6))

    def test_bad_settings_are_left_behind(self, low_rank):
        kept, hidden = low_rank
        tuned = tune("wmf", kept, self.BAD, confidences=("raw", "binary"))
        assert tuned.reason == "" and tuned.tried > 5 and tuned.after > tuned.before
        scores = [
            ndcg(make_factorizer("wmf", s).fit(kept, np.random.default_rng(3)), kept, hidden)
            for s in (self.BAD, tuned.settings)
        ]
        assert scores[1] > scores[0]
        assert tuned.settings.factors == 8 and tuned.settings.wmf.iterations == 6

    def test_it_is_deterministic(self, low_rank):
        few = ("raw",)
        assert tune("wmf", low_rank[0], self.BAD, few) == tune("wmf", low_rank[0], self.BAD, few)

    def test_too_little_says_so_and_changes_nothing(self, low_rank):
        tuned = tune("wmf", low_rank[0][:10], self.BAD)
        assert tuned.settings == self.BAD and str(MIN_HIDDEN_ENTRIES) in tuned.reason and tuned.tried == 0

    def test_of_few_entries_each_fifth_is_hidden_in_its_turn(self, low_rank):
        few = low_rank[0][:60]  # 180 entries are a fifth
        assert tune("wmf", few, self.BAD, ("raw",)).reason == ""

    def test_only_the_rows_asked_for_are_hidden_from(self, low_rank):
        assert tune("wmf", low_rank[0], self.BAD, rows=np.arange(10)).reason

    def test_vector_exp_is_tuned_too(self, low_rank):
        start = FactorizerSettings(4, vector_exp=VectorExpSettings(regularisation=0.6, epochs=4))
        tuned = tune("vector_exp", low_rank[0], start, confidences=("row_log",))
        assert tuned.settings.vector_exp.regularisation < 0.6 and tuned.settings.wmf == start.wmf
