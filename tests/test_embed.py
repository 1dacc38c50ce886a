"""Laws of embedding a store."""

import numpy as np
import pytest
import torch

from bytecover_lite.augment import change_tempo
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.embed import Embeddings, EmbeddingsError, embed_versions
from bytecover_lite.model import ByteCover, ByteCoverConfig
from bytecover_lite.store import FeatureStore, StoreWriter

SETTINGS = FeatureSettings()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "features"
    rng = np.random.default_rng(0)
    with StoreWriter.create_or_resume(path, SETTINGS) as writer:
        for number, frames in enumerate([1, 7, 7, 12, 7, 30]):
            writer.add(f"v{number}", rng.random((84, frames)))
    return FeatureStore.open(path)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return ByteCover(ByteCoverConfig(depth=18, width=0.125, freq_stride=1)).eval()


def test_an_embedding_does_not_depend_on_its_neighbours(store, model):
    together = embed_versions(model, store)
    for row, version in enumerate(store.versions):
        alone = embed_versions(model, store, [version]).vectors[0]
        np.testing.assert_allclose(together.vectors[row], alone, rtol=1e-4, atol=1e-5)


def test_the_size_of_a_batch_does_not_matter(store, model):
    small = embed_versions(model, store, batch_frames=1)
    np.testing.assert_allclose(
        small.vectors, embed_versions(model, store).vectors, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("tempo", [0.5, 1.6])
def test_at_another_tempo_the_model_hears_the_stretched_spectrogram(store, model, tempo):
    found = embed_versions(model, store, tempo=tempo, batch_frames=20).vectors
    for row, version in enumerate(store.versions):
        played = change_tempo(torch.from_numpy(store[version].astype("float32")), tempo)
        with torch.inference_mode():
            expected = model(played[None]).embedding[0].numpy()
        np.testing.assert_allclose(found[row], expected, rtol=1e-3, atol=1e-5)
    assert not np.allclose(found, embed_versions(model, store).vectors, atol=1e-3)


@pytest.mark.parametrize("tempo", [0.0, -1.0, float("nan"), float("inf")])
def test_a_tempo_that_nothing_has_is_refused(store, model, tempo):
    with pytest.raises(EmbeddingsError, match="positive"):
        embed_versions(model, store, tempo=tempo)


def test_the_order_asked_for_is_the_order_returned(store, model):
    asked = ["v3", "v0", "v5"]
    found = embed_versions(model, store, asked)
    assert found.versions == tuple(asked)
    np.testing.assert_allclose(
        found.vectors, embed_versions(model, store).select(asked).vectors, rtol=1e-4, atol=1e-5
    )


def test_a_store_with_other_settings_is_refused_with_both(store):
    other = ByteCoverConfig(
        depth=18, width=0.125, freq_stride=1, features=FeatureSettings(averaging=50)
    )
    with pytest.raises(EmbeddingsError, match=r"averaging=100.*averaging=50"):
        embed_versions(ByteCover(other), store)


def test_an_unknown_version_is_named(store, model):
    with pytest.raises(EmbeddingsError, match="'nobody'"):
        embed_versions(model, store, ["v0", "nobody"])


def test_saving_and_loading_is_the_identity(store, model, tmp_path):
    found = embed_versions(model, store)
    found.save(tmp_path / "e.safetensors")
    again = Embeddings.load(tmp_path / "e.safetensors")
    assert again.versions == found.versions
    np.testing.assert_array_equal(again.vectors, found.vectors)


@pytest.mark.parametrize("content", [b"", b"\x80\x04junk", b"PK\x03\x04", bytes(100)])
def test_a_damaged_embeddings_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(EmbeddingsError, match=r"broken.safetensors.*bytecover embed"):
        Embeddings.load(path)
