"""Model files: what loads, what is refused with which message, and atomic saving."""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import model_files
from aedsp import Layer, Model
from aedsp.errors import ModelFormatError
from aedsp.model import file as model_file
from aedsp.model import format as model_format
from aedsp.model.layers import MOST_LAYERS, MOST_UNITS, Classes, CodeStatistics
from aedsp.model.preprocess import Log, Normalize
from model_files import N_BINS, REFUSALS, Change, member, reals, replace

DOCUMENT = Path(__file__).parents[2] / "docs" / "model-format.md"
ARRAYS = ("encoder_weight", "encoder_bias", "decoder_weight", "decoder_bias")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A valid file with two layers, 33 - 8 - 4 units, and all optional parts."""
    path = tmp_path / "model.h5"
    model_files.write(path, n_units=(8, 4), extras=True)
    return path


def changed(path: Path, change: Change) -> Path:
    """Apply the change to the file and return its path."""
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def refusal_of(path: Path) -> str:
    """The error message without the leading file name."""
    with pytest.raises(ModelFormatError) as refusal:
        Model.load(path)
    text = str(refusal.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


# What loads ---------------------------------------------------------------------------------------------------------


def test_asymmetric_windows_are_version_2_and_everything_else_version_1(path: Path, tmp_path: Path) -> None:
    old = Model.load(path)
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 1
    new = Model.load(changed(path, model_files.asymmetric(32)))
    assert (new.front_end.window, new.front_end.synthesis_length) == ("asymmetric", 32)
    for model, version in ((old, 1), (new, 2)):
        model.save(tmp_path / "saved.h5")
        with h5py.File(tmp_path / "saved.h5") as file:
            assert file.attrs["format_version"] == version
        assert Model.load(tmp_path / "saved.h5").front_end == model.front_end
    set_version = model_files.attribute("/", format_version=2)
    assert Model.load(changed(tmp_path / "saved.h5", set_version)).front_end == new.front_end


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("storage", [{}, model_files.COMPRESSED])
def test_values_are_read_as_written(tmp_path: Path, dtype: str, storage: dict[str, Any]) -> None:
    model_files.write(tmp_path / "model.h5", dtype=dtype, storage=storage)
    (layer,) = Model.load(tmp_path / "model.h5").layers
    shapes = ((8, N_BINS), (8,), (N_BINS, 8), (N_BINS,))
    for seed, (name, shape) in enumerate(zip(ARRAYS, shapes, strict=True)):
        np.testing.assert_array_equal(getattr(layer, name), reals(seed, *shape, dtype=dtype).astype(np.float32))


@pytest.mark.parametrize(
    "storage",
    [
        {"chunks": (3, 5)},
        {"chunks": (8, 1), "shuffle": True, "fletcher32": True},
        {"chunks": (16, 64), "maxshape": (None, None), "compression": "gzip"},
    ],
)
def test_chunks_need_not_fit_the_dataset(path: Path, storage: dict[str, Any]) -> None:
    weight = reals(5, 8, N_BINS)
    changed(path, lambda file: replace(file, "layers/0/encoder_weight", weight, **storage))
    np.testing.assert_array_equal(Model.load(path).layers[0].encoder_weight, weight)


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
def test_every_version_of_hdf5_loads(tmp_path: Path, libver: str) -> None:
    model_files.write(tmp_path / "model.h5", n_units=(8, 4), tied=True, storage=model_files.COMPRESSED, libver=libver)
    model = Model.load(tmp_path / "model.h5")
    assert [layer.n_hidden for layer in model.layers] == [8, 4]
    assert all(layer.tied for layer in model.layers)


def test_all_parts_are_read(path: Path) -> None:
    model = Model.load(path)
    assert (model.name, model.created_by, model.license) == ("toy", "a test", "CC0")
    assert (model.front_end.sample_rate, model.front_end.fft_length, model.front_end.hop_length) == (8000.0, 64, 16)
    normalize, log = model.preprocess
    assert isinstance(normalize, Normalize)
    assert normalize.max == 2.0
    assert log == Log(1e-5)
    assert model.code_statistics is not None
    assert model.code_statistics.percentile_ranks == (1, 5, 25, 50, 75, 95, 99)
    np.testing.assert_array_equal(model.code_statistics.percentiles, reals(103, 7, 4))
    assert model.classes is not None
    assert model.classes.names == ("rock", "Ländler")
    np.testing.assert_array_equal(model.classes.centroids, reals(104, 2, 4))
    assert model.training is None


@pytest.mark.parametrize("value", [True, 1, np.uint8(1), np.array([1])])
def test_tied_is_a_bool_or_0_or_1(tmp_path: Path, value: Any) -> None:
    model_files.write(tmp_path / "model.h5", tied=value)
    assert Model.load(tmp_path / "model.h5").layers[0].tied


def test_context_spectra_widen_layer_0(tmp_path: Path) -> None:
    model_files.write(tmp_path / "model.h5", context_spectra=3)
    assert Model.load(tmp_path / "model.h5").layers[0].n_visible == 3 * N_BINS


def test_optional_parts_may_be_missing(tmp_path: Path) -> None:
    model_files.write(tmp_path / "model.h5")
    changed(tmp_path / "model.h5", lambda file: file.__delitem__("preprocess"))
    model = Model.load(tmp_path / "model.h5")
    assert len(model.preprocess) == 0
    assert model.code_statistics is None
    assert model.classes is None


def test_unknown_members_are_ignored(path: Path) -> None:
    def add(file: h5py.File) -> None:
        file["layers/0/elsewhere"] = h5py.ExternalLink("missing.h5", "/x")
        file["layers/notes"] = h5py.SoftLink("/nowhere")
        file.attrs["comment"] = "a variable-length string"
        file.create_dataset("huge", shape=(2**40,), dtype="f8", chunks=(1024,))

    assert Model.load(changed(path, add)).n_code == 4


def test_a_user_block_may_precede_the_file(tmp_path: Path, path: Path) -> None:
    with h5py.File(tmp_path / "block.h5", "w", userblock_size=1024) as file, h5py.File(path) as good:
        for name in good:
            good.copy(name, file)
        for name, value in good.attrs.items():
            file.attrs[name] = value
    assert Model.load(tmp_path / "block.h5").n_code == 4


def test_a_chunk_may_skip_its_filter(path: Path) -> None:
    """HDF5 skips gzip for chunks that it would make larger."""

    def store_plainly(file: h5py.File) -> None:
        del file["layers/1/encoder_bias"]
        bias = file["layers/1"].create_dataset("encoder_bias", (4,), "<f4", chunks=(4,), compression="gzip")
        bias.id.write_direct_chunk((0,), np.arange(4, dtype="<f4").tobytes(), filter_mask=1)

    np.testing.assert_array_equal(Model.load(changed(path, store_plainly)).layers[1].encoder_bias, np.arange(4))


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "text"), REFUSALS, ids=[text for _, text in REFUSALS])
def test_errors_say_what_was_found_and_expected(path: Path, change: Change, text: str) -> None:
    found = refusal_of(changed(path, change))
    assert text in found
    if text.startswith("/"):
        assert found.startswith(text)


def test_the_limit_of_2_gib_applies_to_the_total(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(path) as file:
        sizes: list[int] = []
        file.visititems(lambda name, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    monkeypatch.setattr(model_format, "MOST_BYTES", sum(sizes) - 1)
    assert (
        refusal_of(path)
        == f"/ declares {sum(sizes):,} bytes of datasets; expected at most {sum(sizes) - 1:,} (2 GiB) in total"
    )
    monkeypatch.setattr(model_format, "MOST_BYTES", sum(sizes))
    assert Model.load(path).n_code == 4


def test_everything_is_checked_before_a_dataset_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file._Dataset, "read", lambda self: pytest.fail("a dataset was read"))
    assert "/classes/centroids is missing" in refusal_of(changed(path, member("classes/centroids", None)))


@pytest.mark.parametrize("storage", [{}, model_files.COMPRESSED])
def test_truncated_files_are_refused(tmp_path: Path, storage: dict[str, Any]) -> None:
    path = tmp_path / "model.h5"
    model_files.write(path, n_units=(8, 4), storage=storage)
    whole = path.read_bytes()
    for n_bytes in (9, 95, 96, 800, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        assert refusal_of(path).startswith("/ cannot be read; the file is damaged or truncated: ")


@pytest.mark.parametrize("n_bytes", [0, 8, 4000])
def test_the_sizes_in_a_chunk_index_are_not_trusted(path: Path, n_bytes: int) -> None:
    """A larger size makes `read_direct_chunk` write past its buffer; a smaller one makes HDF5 read past its own."""
    changed(path, lambda file: replace(file, "layers/0/encoder_bias", reals(0, 8), chunks=(4,)))
    index_entry = struct.pack("<IIQQ", 16, 0, 4, 0)  # bytes, filters skipped, offset of the chunk: the second one
    data = path.read_bytes()
    assert data.count(index_entry) == 1
    path.write_bytes(data.replace(index_entry, struct.pack("<I", n_bytes) + index_entry[4:]))
    assert re.match(r"/layers/0/encoder_bias (has missing chunks|cannot be read|declares)", refusal_of(path))


def test_damaged_values_are_detected_by_their_checksum(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    model_files.model().save(path)
    with h5py.File(path) as file:
        chunk = file["layers/1/encoder_weight"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 1
    path.write_bytes(data)
    assert refusal_of(path).startswith("/layers/1/encoder_weight cannot be read; the file is damaged or truncated: ")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is not HDF5: it is empty; expected an aedsp model file"),
        (b"PK\x03\x04 a zip file", "is not HDF5: it starts with b'PK\\x03\\x04 a z'; expected an aedsp model file"),
        (b"\x89HDF\r\n", "is not HDF5: it starts with b'\\x89HDF\\r\\n'; expected an aedsp model file"),
        (
            bytes(5000),
            "is not HDF5: it starts with b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'; expected an aedsp model file",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "other.h5").write_bytes(data)
    assert refusal_of(tmp_path / "other.h5") == text


def test_a_missing_file_is_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*missing\.h5"):
        Model.load(tmp_path / "missing.h5")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a directory; expected a model file"):
        Model.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    for path in (tmp_path / "pipe.h5", Path(os.devnull)):
        start = time.monotonic()
        with pytest.raises(OSError, match="is a pipe, socket or device; expected a model file"):
            Model.load(path)
        assert time.monotonic() - start < 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_a_permission_error(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"Permission denied: .*model\.h5"):
        Model.load(path)


# Saving -------------------------------------------------------------------------------------------------------------


def assert_same(one: Any, other: Any) -> None:
    """All fields are equal; arrays are bit-identical."""
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, Layer | CodeStatistics | Classes | Model):
        for name in vars(one):
            if name != "training":
                assert_same(getattr(one, name), getattr(other, name))
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif hasattr(one, "apply"):
        assert_same(tuple(vars(one).values()), tuple(vars(other).values()))
    else:
        assert one == other


def test_a_saved_model_loads_unchanged(tmp_path: Path) -> None:
    model = model_files.model()
    model.save(tmp_path / "model.h5")
    assert_same(model, Model.load(tmp_path / "model.h5"))


def test_saving_is_deterministic(tmp_path: Path) -> None:
    model = model_files.model()
    model.save(tmp_path / "one.h5")
    Model.load(tmp_path / "one.h5")
    model.save(tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_float16_rounds_the_layers_only(tmp_path: Path) -> None:
    model = model_files.model()
    model.save(tmp_path / "model.h5", weight_dtype="float16")
    loaded = Model.load(tmp_path / "model.h5")
    for layer, kept in zip(model.layers, loaded.layers, strict=True):
        np.testing.assert_array_equal(layer.encoder_weight.astype(np.float16), kept.encoder_weight)
    assert_same(model.preprocess.steps, loaded.preprocess.steps)
    assert_same(model.code_statistics, loaded.code_statistics)


def test_provenance_is_written(tmp_path: Path) -> None:
    model_files.model().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert file["training"].attrs["recipe"] == b'{"epochs": 3}'
        np.testing.assert_array_equal(file["training/history"], [[1.0, np.nan], [0.5, 0.25]])


def wide_layers(weight: float) -> tuple[Layer, ...]:
    n = N_BINS * 2
    layer = Layer(
        encoder_weight=np.full((8, n), weight), encoder_bias=np.zeros(8), decoder_bias=np.zeros(n), context_spectra=2
    )
    return (layer,)


STATISTICS = CodeStatistics(reals(0, 5), reals(1, 5), reals(2, 7, 5))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"training": {"recipe": {"notes": "x" * 60_000}}}, "has 60,013 bytes; expected at most 60,000"),
        ({"training": {"recipe": {"rate": float("nan")}}}, "Out of range float values are not JSON compliant"),
        ({"training": {"epochs": 3}}, "training has the keys ['epochs']; expected 'recipe' and 'history' only"),
        ({"name": "a\0b"}, "has 3 bytes; expected at most 60,000, without NUL"),
        ({"code_statistics": STATISTICS}, "code_statistics is for 5 units; the code has 4"),
        (
            {"layers": wide_layers(1e5), "code_statistics": None, "classes": None},
            "encoder_weight holds values beyond the range of",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_refused_and_the_old_file_is_kept(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    (tmp_path / "model.h5").write_bytes(b"the old file")
    with pytest.raises(ValueError, match=re.escape(text)):
        model_files.model(**changes).save(tmp_path / "model.h5", weight_dtype="float16")
    assert (tmp_path / "model.h5").read_bytes() == b"the old file"
    assert os.listdir(tmp_path) == ["model.h5"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "model.h5").write_bytes(b"the old file")
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="No space left"):
        model_files.model().save(tmp_path / "model.h5")
    assert (tmp_path / "model.h5").read_bytes() == b"the old file"
    assert os.listdir(tmp_path) == ["model.h5"]


def test_saving_replaces_a_file_and_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.h5").write_bytes(b"the old file")
    (tmp_path / "link.h5").symlink_to("real.h5")
    model_files.model().save(tmp_path / "link.h5")
    assert (tmp_path / "link.h5").is_symlink()
    assert Model.load(tmp_path / "real.h5").n_code == 4
    usual = tmp_path / "usual"
    usual.touch()
    assert stat.S_IMODE((tmp_path / "real.h5").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_the_directory_must_exist_and_the_target_must_not_be_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such directory; create it first: .*missing"):
        model_files.model().save(tmp_path / "missing" / "model.h5")
    with pytest.raises(IsADirectoryError, match="is a directory; expected the name of a file to write"):
        model_files.model().save(tmp_path)


def test_weight_dtype_is_float32_or_float16(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=re.escape("weight_dtype is 'float64'; expected one of ('float32', 'float16')")
    ):
        model_files.model().save(tmp_path / "model.h5", weight_dtype="float64")  # type: ignore[arg-type]


# The document -------------------------------------------------------------------------------------------------------


def test_the_example_in_the_document_makes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, DOCUMENT.name, "exec"), {})
    model = Model.load("example.h5")
    magnitudes, _code = model.reconstruct(np.zeros((2, model.front_end.n_bins), dtype=np.float32))
    assert magnitudes.shape == (2, model.front_end.n_bins)


@pytest.mark.parametrize("limit", [MOST_LAYERS, MOST_UNITS, model_format.LONGEST_TEXT, model_file.MOST_CHUNKS])
def test_the_document_states_the_limits(limit: int) -> None:
    assert f"{limit:,}" in DOCUMENT.read_text(encoding="utf-8")


def test_text_in_another_encoding_is_reported(tmp_path: Path) -> None:
    model_files.model().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        file.attrs["name"] = np.bytes_("Flöte".encode("latin-1"))
    with pytest.raises(ModelFormatError, match=r"is b'Fl.xf6te', which is not UTF-8"):
        Model.load(tmp_path / "model.h5")
