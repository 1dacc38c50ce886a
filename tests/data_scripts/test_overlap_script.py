"""The script that compares two sets prints every evidence and writes every pair."""

import numpy as np
import pandas as pd
import pytest

from bytecover_lite.embed import Embeddings
from bytecover_lite.errors import BytecoverError
from bytecover_lite.versions import COLUMNS, write_versions


@pytest.fixture
def sets(tmp_path):
    rows = {
        "a": [("1_0", "shs1", "train", "Help", "Beatles", "youtube:aaaaaaaaaaa", "")],
        "b": [
            ("P_1", "W_1", "test", "Help", "Others", "", ""),
            ("P_2", "W_2", "test", "", "", "", ""),
        ],
    }
    for name, some in rows.items():
        write_versions(pd.DataFrame(some, columns=COLUMNS), tmp_path / name / "versions.csv")
    Embeddings(("1_0",), np.eye(1, 4, dtype=np.float32)).save(tmp_path / "a.safetensors")
    vectors = np.array([[0, 1, 0, 0], [2, 0, 0, 0]], dtype=np.float32)
    Embeddings(("P_1", "P_2"), vectors).save(tmp_path / "b.safetensors")
    return tmp_path


def test_every_evidence_is_listed(script, sets, capsys):
    files = (sets / "a.safetensors", sets / "b.safetensors")
    out = sets / "new" / "pairs.csv"
    script("overlap").main(sets / "a", sets / "b", embeddings=files, out=out)
    pairs = pd.read_csv(out, keep_default_na=False)
    found = set(zip(pairs["by"], pairs["right"], strict=True))
    assert found == {("title", "P_1"), ("sound", "P_2")}
    assert "sound: 1 recordings of 1 works" in capsys.readouterr().out


def test_nothing_in_common_is_said(script, sets, capsys):
    write_versions(
        pd.read_csv(sets / "b" / "versions.csv", dtype=str, keep_default_na=False)[1:],
        sets / "b" / "versions.csv",
    )
    script("overlap").main(sets / "a", sets / "b")
    assert capsys.readouterr().out == "nothing in common\n"


def test_a_split_that_is_not_there_is_refused(script, sets):
    with pytest.raises(BytecoverError, match="no row of split 'test'"):
        script("overlap").main(sets / "a", sets / "b", split="test")
