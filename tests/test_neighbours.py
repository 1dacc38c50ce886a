"""Laws of searching a part: what is found is exact, and little is overlooked."""

import shutil

import numpy as np
import pytest

from bytecover_lite import neighbours
from bytecover_lite.embed import Embeddings
from bytecover_lite.indexing import CELLS
from bytecover_lite.library import Library
from bytecover_lite.neighbours import Cells, Neighbours, sort_into_cells
from bytecover_lite.passages import Collection, unit
from tests.test_library import COUNT, make_song

pytest.importorskip("faiss", reason="faiss-cpu is not installed (extra `index`)")
SIZE = 24


def works(count, versions=5, spread=0.5, seed=0):
    """Draw unit vectors that lie around one centre a work."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((count, SIZE), dtype=np.float32)
    noise = rng.standard_normal((count * versions, SIZE), dtype=np.float32)
    return unit(np.repeat(centres, versions, axis=0) + spread * noise)


def collections(vectors, names=None):
    """Make the same collection with and without cells."""
    names = tuple(names or (f"r{row}" for row in range(len(vectors))))
    embeddings = Embeddings(names, vectors)
    return Collection.of(embeddings, sort_into_cells(vectors)), Collection.of(embeddings)


def test_what_is_found_has_its_exact_distance_and_little_is_overlooked():
    quick, exact = collections(works(400))
    hits = 0
    for row in range(0, 2000, 40):
        query = exact.vectors[row : row + 1]
        numbers, distances = quick.nearest(query, 5)
        np.testing.assert_allclose(distances, exact.distances(query, numbers), atol=1e-6)
        assert (np.diff(distances) >= 0).all() and len(numbers) == 5
        hits += len(set(numbers) & set(exact.nearest(query, 5)[0]))
    assert hits >= 0.9 * 250


def test_asked_to_be_exact_or_looking_into_all_cells_it_is(monkeypatch):
    monkeypatch.setattr(neighbours, "PROBES", 1)
    everywhere, exact = collections(works(60))
    monkeypatch.undo()
    quick, _ = collections(works(60))
    for row in range(0, 300, 7):
        query = exact.vectors[row : row + 2]
        expected = exact.nearest(query, 20)
        for found in (everywhere.nearest(query, 20), quick.nearest(query, 20, exact=True)):
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_allclose(found[1], expected[1], atol=1e-6)


def test_recordings_of_many_passages_are_found_whole():
    names = [name for r in range(150) for name in (f"r{r}", f"r{r}@0", f"r{r}@9")]
    quick, exact = collections(works(90), names)
    query = exact.vectors[30:31]
    numbers, distances = quick.nearest(query, 5)
    assert numbers[0] == 10 and len(set(numbers)) == 5
    np.testing.assert_allclose(distances, exact.distances(query)[numbers], atol=1e-6)
    assert len(quick.nearest(query, 1000)[0]) == 150  # more than the cells give: all


def test_the_nearest_are_the_first_of_the_full_order_equal_distances_included():
    vectors = np.repeat(works(10, versions=1), 4, axis=0)
    exact = Collection.of(Embeddings(tuple(map(str, range(40))), vectors))
    distances = exact.distances(vectors[8:9])
    for count in (1, 3, 6, 40, 99):
        expected = np.argsort(distances, kind="stable")[:count]
        np.testing.assert_array_equal(exact.nearest(vectors[8:9], count)[0], expected)


def test_new_vectors_join_the_cells_of_the_old_ones_until_they_are_the_majority():
    vectors = works(200)
    former = sort_into_cells(vectors[:600])
    more = sort_into_cells(vectors, former)
    np.testing.assert_array_equal(more.centres, former.centres)
    np.testing.assert_array_equal(more.cell_of[:600], former.cell_of)
    assert len(more.cell_of) == 1000
    anew = sort_into_cells(vectors, sort_into_cells(vectors[:400]))
    assert len(anew.centres) == round(1000**0.5)
    fewer = sort_into_cells(vectors[:500], former)  # cells of something else
    assert len(fewer.cell_of) == 500


def test_cells_come_back_as_they_were_and_damaged_ones_not_at_all(tmp_path):
    cells = sort_into_cells(works(20))
    cells.save(tmp_path / "c")
    again = Cells.load(tmp_path / "c", SIZE)
    np.testing.assert_array_equal(again.centres, cells.centres)
    np.testing.assert_array_equal(again.cell_of, cells.cell_of)
    assert Cells.load(tmp_path / "c", SIZE + 1) is None
    assert Cells.load(tmp_path / "nowhere", SIZE) is None
    for wrong in (
        Cells(cells.centres, cells.cell_of + 1000),
        Cells(cells.centres, cells.cell_of.astype(np.float32)),
        Cells(cells.centres * np.nan, cells.cell_of),
    ):
        wrong.save(tmp_path / "c")
        assert Cells.load(tmp_path / "c", SIZE) is None
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:100])
    assert Cells.load(tmp_path / "c", SIZE) is None


def test_wrong_cells_hide_neighbours_and_do_no_other_harm():
    vectors = works(40)
    cells = sort_into_cells(vectors)
    shuffled = Cells(cells.centres, np.random.default_rng(0).permutation(cells.cell_of))
    rows = Neighbours(vectors, shuffled).search(vectors[:3], 10)
    assert ((rows >= 0) & (rows < len(vectors))).all()


def test_a_large_index_keeps_cells_and_finds_the_same(tmp_path, monkeypatch):
    music = tmp_path / "music"
    music.mkdir()
    for number in range(COUNT):
        make_song(music / f"song{number}.wav", number)
    plain, _ = Library.create(tmp_path / "plain", music, jobs=1)
    assert not (tmp_path / "plain" / CELLS).exists()
    monkeypatch.setattr(neighbours, "EXACT", 2)
    large, _ = Library.create(tmp_path / "large", music, jobs=1)
    assert large.collection.neighbours is not None
    assert (tmp_path / "large" / CELLS).exists()
    shutil.copy(music / "song0.wav", tmp_path / "query.wav")
    expected = plain.find(tmp_path / "query.wav")
    for found in (large.find(tmp_path / "query.wav", exact=exact) for exact in (False, True)):
        assert [one["path"] for one in found] == [one["path"] for one in expected]
    make_song(music / "song9.wav", 9)
    (music / "song1.wav").unlink()
    large.update(jobs=1)
    assert large.collection.neighbours is not None and len(large.collection) == COUNT
    monkeypatch.setattr(neighbours, "has_faiss", lambda: False)
    without = Library.open(tmp_path / "large")
    assert without.collection.neighbours is None
    assert without.find(tmp_path / "query.wav") == large.find(tmp_path / "query.wav", exact=True)
