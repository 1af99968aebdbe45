"""Model files written with plain h5py from docs/model-format.md alone: valid ones, and REFUSALS, ways to break them.

`write` writes a file as another program would; `model` is a Model to save. A `Change` breaks a valid, open file.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from aedsp import FrontEnd, Layer, Model
from aedsp.model.layers import Classes, CodeStatistics
from aedsp.model.preprocess import Chain, Log, Normalize, Power, Standardize

N_BINS = 33
FRONT_END: dict[str, Any] = {
    "kind": b"stft",
    "sample_rate": 8000.0,
    "fft_length": 64,
    "window_length": 64,
    "hop_length": 16,
    "window": b"hann",
}
COMPRESSED: dict[str, Any] = {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True}


Change = Callable[[h5py.File], None]


def reals(seed: int, *shape: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
    """Values from a fixed seed between 0.1 and 1.1, valid as weights and as standard deviations."""
    return (np.random.default_rng(seed).random(shape) + 0.1).astype(dtype)


def write(
    path: str | os.PathLike[str],
    *,
    n_units: tuple[int, ...] = (8,),
    tied: bool = False,
    context_spectra: int = 1,
    dtype: npt.DTypeLike = np.float32,
    storage: Mapping[str, Any] | None = None,
    extras: bool = False,
    libver: str = "earliest",
) -> None:
    """Write a valid file with `n_units` hidden units per layer; `extras` adds all optional parts."""
    stored = storage or {}
    with h5py.File(path, "w", libver=libver) as file:
        set_attributes(file, format=b"aedsp-model", format_version=1, name=b"toy", created_by=b"a test", license=b"CC0")
        set_attributes(file.create_group("front_end"), **FRONT_END)
        normalize, log = file.create_group("preprocess/0"), file.create_group("preprocess/1")
        set_attributes(normalize, kind=b"normalize")
        normalize.create_dataset("max", data=np.float32(2.0))
        set_attributes(log, kind=b"log", floor=1e-5)
        n_visible = N_BINS * context_spectra
        for i, n_hidden in enumerate(n_units):
            layer = file.create_group(f"layers/{i}")
            set_attributes(layer, encoder_activation=b"sigmoid", decoder_activation=b"linear", tied=tied)
            if i == 0:
                set_attributes(layer, context_spectra=context_spectra)
            layer.create_dataset("encoder_weight", data=reals(10 * i, n_hidden, n_visible, dtype=dtype), **stored)
            layer.create_dataset("encoder_bias", data=reals(10 * i + 1, n_hidden, dtype=dtype), **stored)
            if not tied:
                layer.create_dataset(
                    "decoder_weight", data=reals(10 * i + 2, n_visible, n_hidden, dtype=dtype), **stored
                )
            layer.create_dataset("decoder_bias", data=reals(10 * i + 3, n_visible, dtype=dtype), **stored)
            n_visible = n_hidden
        if extras:
            _write_extras(file, n_units[-1], stored)


def _write_extras(file: h5py.File, n_code: int, storage: Mapping[str, Any]) -> None:
    statistics = file.create_group("code_statistics")
    statistics.attrs["percentile_ranks"] = np.array([1, 5, 25, 50, 75, 95, 99], dtype=np.float32)
    statistics.create_dataset("mean", data=reals(101, n_code), **storage)
    statistics.create_dataset("std", data=reals(102, n_code), **storage)
    statistics.create_dataset("percentiles", data=reals(103, 7, n_code), **storage)
    classes = file.create_group("classes")
    classes.create_dataset("names", data=np.array([b"rock", "Ländler".encode()]))
    classes.create_dataset("centroids", data=reals(104, 2, n_code), **storage)
    file.create_group("training").attrs["recipe"] = np.bytes_(b"{}")


def set_attributes(group: h5py.Group, **values: Any) -> None:
    """Set attributes; bytes become fixed-length strings."""
    for name, value in values.items():
        group.attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value


def model(**changes: Any) -> Model:
    """A Model with two layers, the second one tied, and all optional parts."""
    first = Layer(
        encoder_weight=reals(1, 8, N_BINS * 2),
        encoder_bias=reals(2, 8),
        decoder_weight=reals(3, N_BINS * 2, 8),
        decoder_bias=reals(4, N_BINS * 2),
        encoder_activation="tanh",
        decoder_activation="relu",
        context_spectra=2,
    )
    second = Layer(encoder_weight=reals(5, 4, 8), encoder_bias=reals(6, 4), decoder_bias=reals(7, 8))
    steps = (Power(0.5), Normalize(np.float32(2.0)), Standardize(reals(8, N_BINS), reals(9, N_BINS)), Log(1e-3))
    parts: dict[str, Any] = {
        "front_end": FrontEnd(sample_rate=8000, fft_length=64, window_length=48, hop_length=16, window="hamming"),
        "layers": (first, second),
        "preprocess": Chain(steps),
        "name": "Über-Klang",
        "license": "CC0",
        "created_by": "a test",
        "code_statistics": CodeStatistics(
            reals(10, 4), reals(11, 4), reals(12, 7, 4), (0.0, 1.0, 10.0, 50.0, 90.0, 99.0, 100.0)
        ),
        "classes": Classes(("rock", "Ländler"), reals(13, 2, 4)),
        "training": {"recipe": {"epochs": 3}, "history": np.array([[1.0, np.nan], [0.5, 0.25]])},
    }
    return Model(**{**parts, **changes})


# Bad files -----------------------------------------------------------------------------------------------------------


def replace(file: h5py.File, name: str, values: Any, **storage: Any) -> None:
    del file[name]
    file.create_dataset(name, data=values, **storage)


def attribute(group: str, **values: Any) -> Change:
    return lambda file: set_attributes(file[group], **values)


def asymmetric(synthesis_length: Any = None) -> Change:
    """A file of version 2 with asymmetric windows; None: without their `synthesis_length`."""

    def change(file: h5py.File) -> None:
        set_attributes(file, format_version=2)
        set_attributes(file["front_end"], window=b"asymmetric")
        if synthesis_length is not None:
            set_attributes(file["front_end"], synthesis_length=synthesis_length)

    return change


def no_attribute(group: str, name: str) -> Change:
    return lambda file: file[group].attrs.__delitem__(name)


def member(name: str, value: Any) -> Change:
    """Replace the member with an array or a link, or delete it (None)."""

    def change(file: h5py.File) -> None:
        del file[name]
        if value is not None:
            file[name] = value

    return change


def stored(name: str, values: Any, **storage: Any) -> Change:
    return lambda file: replace(file, name, values, **storage)


def declared(name: str, shape: tuple[int, ...], **storage: Any) -> Change:
    """A dataset that was never written."""

    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, shape, "<f4", **storage)

    return change


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(8,), dtype="<f4")
    layout[:] = h5py.VirtualSource("other.h5", "bias", shape=(8,))
    del file["layers/0/encoder_bias"]
    file.create_virtual_dataset("layers/0/encoder_bias", layout)


def compact(file: h5py.File) -> None:
    del file["layers/0/encoder_bias"]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((8,))
    h5py.h5d.create(file.id, b"layers/0/encoder_bias", h5py.h5t.IEEE_F32LE, space, dcpl=properties)


def gzip_twice(file: h5py.File) -> None:
    del file["layers/0/encoder_bias"]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((8,))
    properties.set_deflate(9)
    properties.set_deflate(9)
    space = h5py.h5s.create_simple((8,))
    h5py.h5d.create(file.id, b"layers/0/encoder_bias", h5py.h5t.IEEE_F32LE, space, dcpl=properties)


def short_chunk(file: h5py.File) -> None:
    """A valid gzip stream that is too short: HDF5 would fill the rest of the array from uninitialised memory."""
    declared("layers/0/encoder_weight", (8, N_BINS), chunks=(8, N_BINS), compression="gzip")(file)
    file["layers/0/encoder_weight"].id.write_direct_chunk((0, 0), zlib.compress(bytes(100)))


def nan_at(name: str, dtype: str = "<f4") -> Change:
    def change(file: h5py.File) -> None:
        values = file[name][...].astype(dtype)
        values.flat[-1] = np.nan
        replace(file, name, values)

    return change


def group_instead(file: h5py.File) -> None:
    del file["layers/0/encoder_bias"]
    file.create_group("layers/0/encoder_bias")


def many_layers(file: h5py.File) -> None:
    for i in range(2, 33):
        file[f"layers/{i}"] = file["layers/1"]


FIXED = 'expected a fixed-length string up to 60,000 bytes; in h5py: attrs["{}"] = numpy.bytes_("…")'

#: A change to a valid file with two layers, and part of the error message (its start, if it begins with a path).
REFUSALS: list[tuple[Change, str]] = [
    # Root
    (no_attribute("/", "format"), "/ has no attribute 'format'; " + FIXED.format("format")),
    (attribute("/", format=b"keras"), "/ attribute 'format' is 'keras'; expected 'aedsp-model'"),
    (attribute("/", format_version=3), "/ attribute 'format_version' is 3; this aedsp reads 1 and 2; upgrade aedsp"),
    (attribute("/", format_version=0), "/ attribute 'format_version' is 0; this aedsp reads 1 and 2"),
    (attribute("/", format_version=1.0), "'format_version' is a float of 64 bits; expected an integer"),
    (attribute("/", format_version=b"1"), "is a string of 1 bytes; expected an integer"),
    (no_attribute("/", "license"), "/ has no attribute 'license'"),
    (attribute("/", name=3), "/ attribute 'name' is an integer of 64 bits; expected a fixed-length"),
    (attribute("/", name=b"\xff\xfe"), "/ attribute 'name' is b"),
    (attribute("/", license=b"x" * 60_001), "'license' is a string of 60,001 bytes; expected a fixed-"),
    # Variable-length strings
    (
        attribute("front_end", window="hann"),
        "/front_end attribute 'window' is a variable-length string; " + FIXED.format("window"),
    ),
    (
        attribute("/", format="aedsp-model"),
        "/ attribute 'format' is a variable-length string; " + FIXED.format("format"),
    ),
    (
        stored("classes/names", ["rock", "folk"], dtype=h5py.string_dtype()),
        "/classes/names is a variable-length string; expected fixed-length strings; in h5py: numpy.bytes_",
    ),
    # Front end
    (member("front_end", None), "/front_end is missing; expected a group"),
    (member("front_end", [1.0]), "/front_end is a dataset; expected a group"),
    (no_attribute("front_end", "hop_length"), "/front_end has no attribute 'hop_length'; expected an integer"),
    (attribute("front_end", hop_length=b"16"), "'hop_length' is a string of 2 bytes; expected an integer"),
    (attribute("front_end", hop_length=16.0), "'hop_length' is a float of 64 bits; expected an integer"),
    (attribute("front_end", hop_length=True), "'hop_length' is an enumeration of 8 bits; expected an"),
    (attribute("front_end", hop_length=[16, 16]), "'hop_length' has shape (2,); expected an integer"),
    (attribute("front_end", hop_length=h5py.Empty("i4")), "'hop_length' has shape None; expected an integer"),
    (attribute("front_end", sample_rate=b"44100"), "is a string of 5 bytes; expected a number"),
    (attribute("front_end", sample_rate=np.nan), "/front_end does not fit: sample_rate is nan; expected 1 to"),
    (attribute("front_end", fft_length=100), "/front_end does not fit: fft_length is 100; expected a power"),
    (attribute("front_end", window=b"kaiser"), "/front_end does not fit: window is 'kaiser'; expected one of"),
    (
        attribute("front_end", window=b"asymmetric", synthesis_length=32),
        "/front_end attribute 'window' is 'asymmetric' in a file of version 1; expected version 2",
    ),
    (
        attribute("front_end", synthesis_length=32),
        "/front_end does not fit: synthesis_length is 32 and window 'hann'; only the window 'asymmetric' has one",
    ),
    (asymmetric(), "/front_end does not fit: window is 'asymmetric' without synthesis_length; expected an even"),
    (asymmetric(31), "/front_end does not fit: synthesis_length is 31; expected an even number from 2 hop_length = 32"),
    (asymmetric(30), "/front_end does not fit: synthesis_length is 30; expected an even number from 2 hop_length = 32"),
    (asymmetric(66), "/front_end does not fit: synthesis_length is 66; expected an even number from 2 hop_length = 32"),
    (asymmetric(32.0), "/front_end attribute 'synthesis_length' is a float of 64 bits; expected an integer"),
    (
        attribute("front_end", kind=b"cqft"),
        "/front_end has no attribute 'bins_per_octave'; expected an integer",
    ),
    (attribute("front_end", kind=b"mel"), "/front_end attribute 'kind' is 'mel'; expected one of ('stft', 'cqft')"),
    # Preprocess
    (attribute("preprocess/1", kind=b"whiten"), "/preprocess/1 attribute 'kind' is 'whiten'; expected one of"),
    (no_attribute("preprocess/1", "floor"), "/preprocess/1 has no attribute 'floor'; expected a number"),
    (attribute("preprocess/1", floor=0.0), "/preprocess/1 does not fit: log: floor holds 0; expected values"),
    (attribute("preprocess/1", floor=b"0.1"), "attribute 'floor' is a string of 3 bytes; expected a"),
    (stored("preprocess/0/max", reals(0, 32)), "/preprocess/0/max has shape (32,); expected one value, or (33,)"),
    (stored("preprocess/0/max", np.float32(np.nan)), "/preprocess/0/max holds NaN or infinity; expected"),
    (stored("preprocess/0/max", 2), "/preprocess/0/max is an integer of 64 bits; expected float16, float32"),
    (lambda file: file.move("preprocess/1", "preprocess/2"), "/preprocess has the members [0, 2]; expected 0, 1, 2, …"),
    # Layers
    (member("layers", None), "/layers is missing; expected a group"),
    (lambda file: file["layers"].clear(), "/layers has no member '0'; expected 1 to 32 layers"),
    (many_layers, "/layers has a member 32; expected at most 32 members, 0 to 31"),
    (member("layers/0/encoder_weight", None), "/layers/0/encoder_weight is missing; expected a dataset"),
    (member("layers/1/decoder_weight", None), "/layers/1/decoder_weight is missing; expected a dataset"),
    (member("layers/1/decoder_bias", None), "/layers/1/decoder_bias is missing; expected a dataset"),
    (group_instead, "/layers/0/encoder_bias is a group; expected a dataset"),
    (attribute("layers/0", tied=True), "/layers/0 is tied but has a decoder_weight; expected one or the other"),
    (attribute("layers/0", tied=2), "/layers/0 attribute 'tied' is 2; expected a bool, or the integer 0 or 1"),
    (attribute("layers/0", tied=b"yes"), "'tied' is a string of 3 bytes; expected a bool, or the integer"),
    (attribute("layers/1", decoder_activation=b"softmax"), "/layers/1 does not fit: decoder_activation is 'softmax'"),
    (attribute("layers/0", context_spectra=0), "attribute 'context_spectra' is 0; expected 1 or more"),
    (attribute("layers/0", context_spectra=2), "has shape (8, 33); the front end gives 33 bins x 2 spectra"),
    (attribute("layers/1", context_spectra=2), "/layers/1 attribute 'context_spectra' is 2; expected 1; only"),
    (
        stored("layers/1/encoder_weight", reals(0, 4, 7)),
        "/layers/1/encoder_weight has shape (4, 7); layer 0 has 8 hidden units; export the layers in order",
    ),
    (
        stored("layers/0/encoder_weight", reals(0, 8, 32)),
        "/layers/0/encoder_weight has shape (8, 32); the front end gives 33 bins x 1 spectra",
    ),
    (stored("layers/0/encoder_weight", reals(0, 264)), "/layers/0/encoder_weight has shape (264,); the front"),
    (stored("layers/0/encoder_bias", reals(0, 7)), "has shape (7,); expected (8,): the layer has 8 hidden and 33"),
    (stored("layers/0/decoder_weight", reals(0, 8, 33)), "has shape (8, 33); expected (33, 8): the layer"),
    (stored("layers/0/encoder_weight", np.zeros((65_537, 33), "f2")), "expected at most 65,536 units per layer"),
    (stored("layers/0/encoder_weight", np.zeros((0, 33), "f4")), "has shape (0, 33); expected at least one value"),
    (stored("layers/0/encoder_bias", h5py.Empty("f4")), "encoder_bias has shape None; expected at least one"),
    # Values
    (nan_at("layers/1/encoder_weight"), "/layers/1/encoder_weight holds NaN or infinity; expected finite numbers"),
    (nan_at("layers/0/decoder_bias", "<f2"), "/layers/0/decoder_bias holds NaN or infinity"),
    (stored("layers/0/encoder_bias", np.full(8, np.inf, "f4")), "/layers/0/encoder_bias holds NaN or infinity"),
    (stored("layers/0/encoder_bias", np.full(8, 1e39)), "encoder_bias holds numbers beyond the range of float32"),
    (stored("layers/0/encoder_bias", np.ones(8, int)), "is an integer of 64 bits; expected float16, float32 or"),
    (stored("layers/0/encoder_bias", np.array([b"1"] * 8)), "is a string of 1 bytes; expected float16, float32"),
    (stored("layers/0/encoder_bias", np.ones(8, "c8")), "of 64 bits; expected float16, float32 or float64"),
    (stored("layers/0/encoder_bias", np.ones(8, "g")), "expected float16, float32 or float64"),
    # Storage
    (member("layers/1", h5py.SoftLink("/layers/0")), "/layers/1 is a soft link; expected a group; replace the"),
    (member("layers/1/encoder_bias", h5py.SoftLink("/x")), "/layers/1/encoder_bias is a soft link; expected a dataset"),
    (member("layers", h5py.ExternalLink("o.h5", "/layers")), "/layers is an external link; expected a group"),
    (virtual, "/layers/0/encoder_bias is a virtual dataset; expected a contiguous or chunked one"),
    (compact, "/layers/0/encoder_bias is a compact dataset; expected a contiguous or chunked one"),
    (
        declared("layers/0/encoder_bias", (8,), external=[("weights.raw", 0, 32)]),
        "/layers/0/encoder_bias stores its values in another file; expected them in this one",
    ),
    (stored("layers/0/encoder_bias", reals(0, 8), compression="lzf"), "encoder_bias is filtered by HDF5 filter 32000"),
    (gzip_twice, "/layers/0/encoder_bias is filtered by gzip, gzip; expected gzip, shuffle, fletcher32, each at"),
    (short_chunk, "/layers/0/encoder_weight has missing chunks, or chunks not of 1,056 bytes; the file is"),
    (declared("layers/0/encoder_bias", (8,)), "/layers/0/encoder_bias declares 32 bytes but stores 0 in a file"),
    (declared("layers/0/encoder_bias", (8,), chunks=(8,)), "/layers/0/encoder_bias declares 32 bytes but stores 0"),
    (
        declared("layers/0/encoder_weight", (2**20, 2**20), chunks=(1024, 1024), compression="gzip"),
        "/layers/0/encoder_weight declares 4,398,046,511,104 bytes; expected at most 2,147,483,648 (2 GiB) in total",
    ),
    (
        declared("layers/1/decoder_weight", (2**20, 2**20)),
        "/layers/1/decoder_weight declares 4,398,046,511,104 bytes; expected at most 2,147,483,648 (2 GiB) in total",
    ),
    (
        declared("layers/0/encoder_weight", (8_000_000, N_BINS), chunks=(100_000, N_BINS), compression="gzip"),
        "/layers/0/encoder_weight declares 1,056,000,000 bytes but stores 0 in a file of",
    ),
    (declared("layers/0/encoder_weight", (8000, N_BINS), chunks=(1, 1)), "has 264,000 chunks; expected at most"),
    # Statistics and classes
    (no_attribute("code_statistics", "percentile_ranks"), "has no attribute 'percentile_ranks'; expected 7 numbers"),
    (attribute("code_statistics", percentile_ranks=np.ones(6)), "has shape (6,); expected 7 numbers"),
    (attribute("code_statistics", percentile_ranks=np.full(7, np.nan)), "'percentile_ranks' holds NaN or"),
    (stored("code_statistics/mean", reals(0, 5)), "mean has shape (5,); expected (4,): the code has 4 units"),
    (stored("code_statistics/percentiles", reals(0, 4, 7)), "has shape (4, 7); expected (7, 4): the code has"),
    (stored("classes/centroids", reals(0, 3, 4)), "has shape (3, 4); expected (2, 4): the file has 2 class names"),
    (stored("classes/names", np.bytes_("rock")), "/classes/names has shape (); expected (n_classes,), at most"),
    (stored("classes/names", reals(0, 2)), "/classes/names is a float of 32 bits; expected fixed-length"),
]  # fmt: skip
