"""Contents of a model file of format 1 or 2, for reading and writing; `docs/model-format.md` is the specification.

`read` checks the members of a file and returns the parts of a model; `members` lists the members of a model. This
module is independent of HDF5: `file` opens, checks and stores members. Control thread only.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32, Floats
from aedsp.errors import ModelFormatError
from aedsp.model.front_end import FrontEnd, FrontEndKind
from aedsp.model.layers import MOST_LAYERS, MOST_UNITS, Classes, CodeStatistics, Layer
from aedsp.model.preprocess import Chain, Log, Normalize, Power, Standardize

FORMAT = "aedsp-model"
#: Written: the lowest version that can say what is in the model. 2 adds asymmetric windows.
FORMAT_VERSIONS = (1, 2)
MOST_BYTES = 2 * 2**30  # total of all datasets, in the file's types and in whole chunks
LONGEST_NAME = 32  # bytes per label of a unit
LONGEST_TEXT = 60_000  # bytes per string attribute: HDF5 stores them in object headers of 64 KiB

WeightDtype = Literal["float32", "float16"]

_Step = type[Normalize | Standardize | Log | Power]
#: Kind of preprocess step: its class, datasets and attributes.
_STEPS: dict[str, tuple[_Step, tuple[str, ...], tuple[str, ...]]] = {
    "normalize": (Normalize, ("max",), ()),
    "standardize": (Standardize, ("mean", "std"), ()),
    "log": (Log, (), ("floor",)),
    "power": (Power, (), ("exponent",)),
}
_N_PERCENTILES = 7
#: Field of the model where a group has another name.
_FIELDS = {"units": "unit_names"}


class Parts(Protocol):
    """The parts of a model that the format stores."""

    @property
    def front_end(self) -> FrontEnd: ...
    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def preprocess(self) -> Chain: ...
    @property
    def code_statistics(self) -> CodeStatistics | None: ...
    @property
    def classes(self) -> Classes | None: ...
    @property
    def unit_names(self) -> tuple[str, ...] | None: ...
    @property
    def training(self) -> Mapping[str, Any] | None: ...


class Dataset(Protocol):
    """A dataset that has been checked and is safe to read."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def n_bytes(self) -> int: ...
    def read(self) -> Float32 | tuple[str, ...]: ...
    def error(self, text: str) -> ModelFormatError: ...


class Group(Protocol):
    """A group of the file; its methods raise `ModelFormatError` for members that are missing or of another type."""

    def has(self, name: str) -> bool: ...
    def group(self, name: str) -> Group: ...
    def groups(self, most: int) -> Sequence[Group]: ...
    def dataset(self, name: str, holds: Literal["reals", "texts"] = "reals") -> Dataset: ...
    def text(self, name: str) -> str: ...
    def flag(self, name: str) -> bool: ...
    def integer(self, name: str, default: int | None = None) -> int: ...
    def optional_integer(self, name: str) -> int | None: ...
    def real(self, name: str) -> float: ...
    def reals(self, name: str, n_values: int) -> tuple[float, ...]: ...
    def error(self, text: str) -> ModelFormatError: ...


@dataclasses.dataclass(frozen=True)
class _Part:
    """A part of the model with checked members; `build` reads them and calls ``make(**datasets, **settings)``."""

    group: Group
    make: Callable[..., Any]
    datasets: Mapping[str, Dataset]
    settings: Mapping[str, Any]

    def build(self) -> Any:
        values = {name: dataset.read() for name, dataset in self.datasets.items()}
        try:
            return self.make(**values, **self.settings)
        except ValueError as error:
            raise self.group.error(f"does not fit: {error}") from error


def read(root: Group) -> dict[str, Any]:
    """Check the whole file, then read it; return the parts of a model by field name.

    Raises
    ------
    ModelFormatError
        A member is not valid; the first one is reported.
    """
    version = _require_version(root)
    about: dict[str, Any] = {name: root.text(name) for name in ("name", "created_by", "license")}
    front_end = _front_end(root.group("front_end"), version)
    steps = _steps(root, front_end.n_bins)
    layers = _layers(root.group("layers"), front_end.n_bins)
    n_code = layers[-1].datasets["encoder_weight"].shape[0]
    extras = {
        name: check(root.group(name), n_code)
        for name, check in (("code_statistics", _code_statistics), ("classes", _classes), ("units", _units))
        if root.has(name)
    }
    parts = (*steps, *layers, *extras.values())
    n_bytes = sum(dataset.n_bytes for part in parts for dataset in part.datasets.values())
    if n_bytes > MOST_BYTES:
        raise root.error(f"declares {n_bytes:,} bytes of datasets; expected at most {MOST_BYTES:,} (2 GiB) in total")
    return {
        "front_end": front_end,
        "preprocess": Chain(tuple(part.build() for part in steps)),
        "layers": tuple(part.build() for part in layers),
        **{_FIELDS.get(name, name): part.build() for name, part in extras.items()},
        **about,
    }


def _require_version(root: Group) -> int:
    found = root.text("format")
    if found != FORMAT:
        raise root.error(f"attribute 'format' is {found!r}; expected {FORMAT!r}")
    version = root.integer("format_version")
    if version not in FORMAT_VERSIONS:
        hint = "; upgrade aedsp" if version > FORMAT_VERSIONS[-1] else ""
        known = " and ".join(map(str, FORMAT_VERSIONS))
        raise root.error(f"attribute 'format_version' is {version}; this aedsp reads {known}{hint}")
    return version


def _front_end(group: Group, version: int) -> FrontEnd:
    kind = group.text("kind")
    if kind not in get_args(FrontEndKind):
        raise group.error(f"attribute 'kind' is {kind!r}; expected one of {get_args(FrontEndKind)}")
    lengths = {name: group.integer(name) for name in ("fft_length", "window_length", "hop_length")}
    settings = {"kind": kind, "sample_rate": group.real("sample_rate"), "window": group.text("window"), **lengths}
    settings["synthesis_length"] = group.optional_integer("synthesis_length")
    if settings["window"] == "asymmetric" and version < 2:
        raise group.error(f"attribute 'window' is 'asymmetric' in a file of version {version}; expected version 2")
    if kind == "cqft":
        settings["bins_per_octave"] = group.integer("bins_per_octave")
        settings |= {name: group.real(name) for name in ("f_min_hz", "f_max_hz")}
    front_end: FrontEnd = _Part(group, FrontEnd, {}, settings).build()
    return front_end


def _steps(root: Group, n_bins: int) -> list[_Part]:
    """The preprocess steps; none if the group is empty or missing."""
    groups = root.group("preprocess").groups(MOST_LAYERS) if root.has("preprocess") else ()
    return [_step(group, n_bins) for group in groups]


def _step(group: Group, n_bins: int) -> _Part:
    kind = group.text("kind")
    if kind not in _STEPS:
        raise group.error(f"attribute 'kind' is {kind!r}; expected one of {tuple(_STEPS)}")
    make, dataset_names, attribute_names = _STEPS[kind]
    datasets = {name: group.dataset(name) for name in dataset_names}
    for dataset in datasets.values():
        if dataset.shape not in ((), (1,), (n_bins,)):
            raise dataset.error(f"has shape {dataset.shape}; expected one value, or ({n_bins},) for one per bin")
    return _Part(group, make, datasets, {name: group.real(name) for name in attribute_names})


def _layers(parent: Group, n_bins: int) -> list[_Part]:
    layers: list[_Part] = []
    for i, group in enumerate(parent.groups(MOST_LAYERS)):
        context = group.integer("context_spectra", default=1)
        if context < 1 or (i > 0 and context != 1):
            expected = "1; only layer 0 may have more" if i > 0 else "1 or more"
            raise group.error(f"attribute 'context_spectra' is {context}; expected {expected}")
        if i == 0:
            n_visible, below = n_bins * context, f"the front end gives {n_bins} bins x {context} spectra"
        else:
            n_visible = layers[-1].datasets["encoder_weight"].shape[0]
            below = f"layer {i - 1} has {n_visible} hidden units; export the layers in order"
        layers.append(_layer(group, n_visible, below, context))
    if not layers:
        raise parent.error(f"has no member '0'; expected 1 to {MOST_LAYERS} layers")
    return layers


def _layer(group: Group, n_visible: int, below: str, context_spectra: int) -> _Part:
    tied = group.flag("tied")
    if tied and group.has("decoder_weight"):
        raise group.error("is tied but has a decoder_weight; expected one or the other")
    names = ["encoder_weight", "encoder_bias", "decoder_bias"] + ([] if tied else ["decoder_weight"])
    datasets = {name: group.dataset(name) for name in names}
    weight = datasets["encoder_weight"]
    if len(weight.shape) != 2 or weight.shape[1] != n_visible:
        raise weight.error(f"has shape {weight.shape}; {below}")
    n_hidden = weight.shape[0]
    if n_hidden > MOST_UNITS:
        raise weight.error(f"has shape {weight.shape}; expected at most {MOST_UNITS:,} units per layer")
    units = f"layer has {n_hidden} hidden and {n_visible} visible units"
    _require_shape(datasets["encoder_bias"], (n_hidden,), units)
    _require_shape(datasets["decoder_bias"], (n_visible,), units)
    if not tied:
        _require_shape(datasets["decoder_weight"], (n_visible, n_hidden), units)
    activations = {name: group.text(name) for name in ("encoder_activation", "decoder_activation")}
    return _Part(group, Layer, datasets, {"context_spectra": context_spectra, **activations})


def _code_statistics(group: Group, n_code: int) -> _Part:
    datasets = {name: group.dataset(name) for name in ("mean", "std", "percentiles")}
    for name, dataset in datasets.items():
        shape = (_N_PERCENTILES, n_code) if name == "percentiles" else (n_code,)
        _require_shape(dataset, shape, f"code has {n_code} units")
    ranks = group.reals("percentile_ranks", _N_PERCENTILES)
    return _Part(group, CodeStatistics, datasets, {"percentile_ranks": ranks})


def _classes(group: Group, n_code: int) -> _Part:
    names, centroids = group.dataset("names", "texts"), group.dataset("centroids")
    if len(names.shape) != 1 or names.shape[0] > MOST_UNITS:
        raise names.error(f"has shape {names.shape}; expected (n_classes,), at most {MOST_UNITS:,}")
    n_classes = names.shape[0]
    _require_shape(centroids, (n_classes, n_code), f"file has {n_classes} class names and the code has {n_code} units")
    return _Part(group, Classes, {"names": names, "centroids": centroids}, {})


def _units(group: Group, n_code: int) -> _Part:
    names = group.dataset("names", "texts")
    _require_shape(names, (n_code,), f"code has {n_code} units")
    return _Part(group, checked_names, {"names": names}, {})


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The labels of the units; ValueError unless each is text of one line and at most 32 bytes."""
    for unit, name in enumerate(names):
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError(f"the name of unit {unit} is {name!r}; expected one line of text")
        if len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"the name of unit {unit} is {name!r}; expected at most {LONGEST_NAME} bytes of UTF-8")
    return tuple(names)


def _require_shape(dataset: Dataset, shape: tuple[int, ...], because: str) -> None:
    if dataset.shape != shape:
        raise dataset.error(f"has shape {dataset.shape}; expected {shape}: the {because}")


def members(model: Parts, weight_dtype: WeightDtype) -> dict[str, Any]:
    """The tree of a file: mappings become groups, arrays become datasets, everything else attributes.

    Raises
    ------
    ValueError
        A weight is beyond the range of `weight_dtype`, a text is too long, or JSON cannot hold the provenance.
    """
    steps = [{"kind": _kind_of(step), **_fields(step)} for step in model.preprocess]
    layers = [{"tied": layer.tied, **_fields(layer, weight_dtype)} for layer in model.layers]
    tree: dict[str, Any] = {
        "format": FORMAT,
        "format_version": 1 if model.front_end.synthesis_length is None else 2,
        **{name: _text(getattr(model, name)) for name in ("name", "created_by", "license")},
        "front_end": _fields(model.front_end),
        "preprocess": {str(i): step for i, step in enumerate(steps)},
        "layers": {str(i): layer for i, layer in enumerate(layers)},
    }
    if model.code_statistics is not None:
        tree["code_statistics"] = _fields(model.code_statistics)
    if model.classes is not None:
        names = np.array([_text(name).encode() for name in model.classes.names], dtype=np.bytes_)
        tree["classes"] = {**_fields(model.classes), "names": names}
    if model.unit_names is not None:
        tree["units"] = {"names": names_dataset(model.unit_names)}
    if model.training is not None:
        tree["training"] = _provenance(model.training)
    return tree


def names_dataset(names: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """`/units/names`, as fixed-length strings."""
    return np.array([name.encode() for name in names], dtype=f"S{LONGEST_NAME}")


def _kind_of(step: object) -> str:
    return next(kind for kind, (make, *_) in _STEPS.items() if isinstance(step, make))


def _fields(part: Any, array_dtype: WeightDtype = "float32") -> dict[str, Any]:
    """The fields of a dataclass that are not None, arrays in the dtype of the file."""
    values = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    return {
        name: _reals(name, value, array_dtype) if isinstance(value, np.ndarray) else value
        for name, value in values.items()
        if value is not None
    }


def _reals(name: str, values: Floats, dtype: WeightDtype) -> Floats:
    with np.errstate(over="ignore"):
        kept = values.astype(dtype)
    if not np.isfinite(kept).all():
        raise ValueError(f"{name} holds values beyond the range of {dtype}; expected finite values within it")
    return kept


def _text(value: str) -> str:
    n_bytes = len(value.encode())
    if n_bytes > LONGEST_TEXT or "\0" in value:
        raise ValueError(f"text {value[:20]!r}… has {n_bytes:,} bytes; expected at most {LONGEST_TEXT:,}, without NUL")
    return value


def _provenance(training: Mapping[str, Any]) -> dict[str, Any]:
    """`/training`: the recipe as JSON, the history in float64 (it may hold NaN)."""
    unknown = sorted(set(training) - {"recipe", "history"})
    if unknown:
        raise ValueError(f"training has the keys {unknown}; expected 'recipe' and 'history' only")
    tree: dict[str, Any] = {}
    if "recipe" in training:
        tree["recipe"] = _text(json.dumps(training["recipe"], allow_nan=False))
    if "history" in training:
        tree["history"] = np.asarray(training["history"], dtype=np.float64)
    return tree
