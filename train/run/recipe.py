"""Recipe: every option of a training run with its default and range. `recipe_file` reads recipes from TOML files.

The fields are the only list of options: the command-line flags and the TOML keys are generated from them. A recipe
holds values only; nothing here reads audio or trains.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aedsp.errors import TrainingError
from aedsp.model.format import WeightDtype
from aedsp.model.front_end import FrontEnd, FrontEndKind, WindowName
from aedsp.model.layers import MOST_UNITS, Activation
from aedsp.train.data.batches import parse_step
from aedsp.train.data.sampling import Draw
from aedsp.train.network import corruption as corruptions

#: Option names of the first edition, which recipes and checkpoints may still use.
OLD_NAMES = {
    "batch": "batch_size",
    "last_learning_rate": "final_learning_rate",
    "last_momentum": "final_momentum",
    "stop_epochs": "early_stopping_epochs",
    "stop_decrease": "early_stopping_decrease",
}
#: Options that the first edition did not have, with the values that mean its behaviour.
NEW_OPTIONS = {"synthesis_length": None, "match_levels": False}


def _about(text: str, least: float | None = None, most: float = math.inf) -> dict[str, Any]:
    """Metadata of an option: its help text and its inclusive range."""
    return {"help": text, "least": least, "most": most}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Every option of a training run. The defaults are the paper's (section 3), with 256 units.

    Raises
    ------
    TrainingError
        A value of the wrong type or out of range; the message names the option, the value and the range.
    """

    front_end: FrontEndKind = field(default="stft", metadata=_about("spectrum type, linear-frequency or constant-Q"))
    sample_rate: float = field(default=FrontEnd().sample_rate, metadata=_about("sample rate of the model, Hz"))
    fft_length: int | None = field(
        default=None, metadata=_about("FFT length, frames, a power of two; default: set by the front end")
    )
    window_length: int | None = field(
        default=None, metadata=_about("window length, frames; default: set by the front end")
    )
    hop_length: int | None = field(default=None, metadata=_about("hop length, frames; default: set by the front end"))
    window: WindowName = field(default=FrontEnd().window, metadata=_about("window shape"))
    synthesis_length: int | None = field(
        default=None, metadata=_about("asymmetric windows: the part that is heard and sets the latency, frames")
    )
    bins_per_octave: int | None = field(default=None, metadata=_about("constant-Q bands per octave; default: 12", 1))
    f_min_hz: float | None = field(default=None, metadata=_about("lowest constant-Q band, Hz; default: 20", 0))
    f_max_hz: float | None = field(
        default=None,
        metadata=_about("highest constant-Q band, Hz; default: 11,025, or half the sample rate", 0),
    )
    context_spectra: int = field(
        default=1, metadata=_about("consecutive spectra that the encoder sees, up to the newest", 1, 64)
    )

    license: tuple[str, ...] = field(
        default=(), metadata=_about("use only tracks that MANIFEST.tsv lists under these licences")
    )
    training_spectra: int = field(default=Draw().n_training, metadata=_about("number of training spectra", 1))
    validation_spectra: int = field(
        default=Draw().n_validation, metadata=_about("number of validation spectra, which select the best epoch", 1)
    )
    test_spectra: int = field(
        default=Draw().n_test, metadata=_about("number of test spectra, used only for the final loss", 0)
    )
    split: Literal["file", "frame"] = field(
        default="file", metadata=_about("hold out whole files for validation and test, or frames of the same files")
    )
    positions: Literal["grid", "random"] = field(
        default="grid", metadata=_about("where spectra are drawn, on the hop grid or anywhere")
    )
    skip_silence_db: float | None = field(
        default=None, metadata=_about("skip spectra with no magnitude above this, dB; default: keep all", -400, 40)
    )
    seed: int = field(default=0, metadata=_about("random seed", 0))

    preprocess: tuple[str, ...] = field(
        default=("normalize",),
        metadata=_about(
            "preprocessing steps, fitted to the training spectra: normalize (or normalize:MAXIMUM), standardize, "
            "log:FLOOR, power:EXPONENT"
        ),
    )
    level_balance: float = field(
        default=0.0, metadata=_about("0: loud spectra weigh most; 1: all spectra have the same level", 0, 1)
    )

    hidden: tuple[int, ...] = field(
        default=(256,), metadata=_about("units per layer, outermost first; the last is the code", 1, MOST_UNITS)
    )
    code: int | None = field(
        default=None, metadata=_about("units of the code; the recipe sets the other layers", 1, MOST_UNITS)
    )
    encoder_activation: tuple[Activation, ...] = field(
        default=("sigmoid",), metadata=_about("activation of the hidden units, one for all layers or one per layer")
    )
    decoder_activation: tuple[Activation, ...] = field(
        default=("linear",), metadata=_about("activation of the outputs, one for all layers or one per layer")
    )
    tied: bool = field(default=False, metadata=_about("use the transposed encoder weights in the decoders"))
    encoder_bias: bool = field(default=True, metadata=_about("learn the biases of the hidden units"))
    decoder_bias: bool = field(default=True, metadata=_about("learn the biases of the outputs"))
    nonnegative: bool = field(
        default=False, metadata=_about("keep decoder weights at 0 or above, so that units only add sound")
    )
    initial: Literal["random", "nonnegative", "principal", "parts"] = field(
        default="random", metadata=_about("initial weights")
    )

    objective: Literal["squared_error", "cross_entropy"] = field(
        default="squared_error",
        metadata=_about("training loss, Eq. 3 or 4 of the paper (cross entropy needs values from 0 to 1)"),
    )
    preprocessed_loss: float = field(default=1.0, metadata=_about("weight of the loss on the preprocessed spectra", 0))
    magnitude_loss: float = field(
        default=0.0,
        metadata=_about("weight of the loss on the magnitudes, after the inverse preprocessing", 0),
    )
    corruption: tuple[str, ...] = field(
        default=("none",),
        metadata=_about("corruption of the layer inputs in training: none, gaussian:DEVIATION, dropout:SHARE or "
                        "salt_and_pepper:SHARE; one for all layers or one per layer"),
    )  # fmt: skip
    sparsity: tuple[float, ...] = field(
        default=(0.0,),
        metadata=_about("weight of the L1 penalty on activations, one for all layers or one per layer", 0),
    )
    weight_decay: float = field(default=0.0, metadata=_about("L2 weight decay", 0))
    negative_decay: float = field(default=0.0, metadata=_about("additional decay of negative weights", 0))
    positive_decay: float = field(default=0.0, metadata=_about("additional decay of positive weights", 0))
    decay_biases: bool = field(default=False, metadata=_about("apply weight decay to the biases too"))

    pretraining: bool = field(default=True, metadata=_about("with several layers: train each one separately first"))
    fine_tuning: bool = field(default=True, metadata=_about("with several layers: train all together at the end"))
    fine_tuning_epochs: int | None = field(
        default=None, metadata=_about("epochs of fine-tuning; default: same as `epochs`", 0)
    )
    classes: bool = field(
        default=False, metadata=_about("treat the subfolders of DIR as classes that the code separates")
    )
    class_epochs: int = field(default=10, metadata=_about("epochs of class training, at the end", 0))
    class_weight: float = field(
        default=0.1, metadata=_about("weight of the class loss relative to the reconstruction loss", 0)
    )

    optimizer: Literal["sgd", "adam"] = field(default="sgd", metadata=_about("optimizer"))
    batch_size: int = field(default=100, metadata=_about("spectra per step", 1, MOST_UNITS))
    epochs: int = field(default=20, metadata=_about("epochs of each training stage", 0))
    learning_rate: float = field(default=0.005, metadata=_about("learning rate of the first step", 0))
    final_learning_rate: float | None = field(
        default=None, metadata=_about("learning rate of the last step, reached linearly; default: constant", 0)
    )
    plateau_epochs: int = field(
        default=0, metadata=_about("lower the learning rate after this many epochs without improvement; 0: never", 0)
    )
    plateau_factor: float = field(
        default=0.5, metadata=_about("factor that lowers the learning rate on a plateau", 0, 1)
    )
    momentum: float = field(default=0.5, metadata=_about("momentum of SGD, or β₁ of Adam", 0, 0.9999))
    final_momentum: float | None = field(
        default=None,
        metadata=_about("momentum after `momentum_epochs`, reached linearly; default: constant", 0, 0.9999),
    )
    momentum_epochs: int = field(default=5, metadata=_about("length of the momentum ramp, epochs", 1))
    early_stopping_epochs: int = field(
        default=0,
        metadata=_about(
            "early-stopping window, epochs: stop if the best loss falls by less than `early_stopping_decrease` in it; "
            "0: never",
            0,
        ),
    )
    early_stopping_decrease: float = field(
        default=0.001, metadata=_about("early-stopping threshold, as a fraction of the best loss", 0, 1)
    )

    match_levels: bool = field(
        default=False,
        metadata=_about("at the end, scale the decoder's bins to the power of the training spectra, by up to 6 dB"),
    )
    name: str = field(default="", metadata=_about("model name inside the file; default: the file name"))
    model_license: str = field(default="", metadata=_about("licence of the model, stored in its file"))
    weights: WeightDtype = field(
        default="float32", metadata=_about("data type of the weights in the model file (float16 is half the size)")
    )

    def __post_init__(self) -> None:
        for option, kind in option_types().items():
            _check(option, kind, getattr(self, option.name))
        for text in self.preprocess:
            parse_step(text)
        for text in self.corruption:
            corruptions.parse(text)
        for name in ("encoder_activation", "decoder_activation", "corruption", "sparsity"):
            self.per_layer(name)
        if not self.hidden:
            raise TrainingError("hidden is empty; expected the units of at least one layer")
        if self.match_levels:
            kinds = {text.split(":")[0] for text in self.preprocess}
            if self.tied or not kinds <= {"power", "normalize"} or self.decoder_activation[0] not in ("linear", "relu"):
                raise TrainingError(
                    "match_levels scales the decoder; expected tied = false, preprocess of power and normalize only, "
                    "and a linear or relu decoder"
                )
        if self.preprocessed_loss + self.magnitude_loss <= 0:
            raise TrainingError("preprocessed_loss and magnitude_loss are both 0; set at least one of them above 0")

    def analysis(self) -> FrontEnd:
        """The front end with these options.

        Raises
        ------
        ValueError
            Incompatible lengths.
        """
        names = (
            "fft_length",
            "window_length",
            "hop_length",
            "synthesis_length",
            "bins_per_octave",
            "f_min_hz",
            "f_max_hz",
        )
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return FrontEnd.of_kind(self.front_end, sample_rate=self.sample_rate, window=self.window, **chosen)

    def layer_units(self) -> tuple[int, ...]:
        """Units of each layer, outermost first."""
        return self.hidden if self.code is None else (*self.hidden[:-1], self.code)

    def per_layer(self, name: str) -> tuple[Any, ...]:
        """The values of an option for each layer; a single value applies to all."""
        values: tuple[Any, ...] = getattr(self, name)
        if len(values) not in (1, len(self.hidden)):
            raise TrainingError(
                f"{name} has {len(values)} values; expected one, or one for each of {len(self.hidden)} layers"
            )
        return values * len(self.hidden) if len(values) == 1 else values

    def draw(self) -> Draw:
        """What to draw from the tracks."""
        return Draw(
            front_end=self.analysis(),
            n_training=self.training_spectra,
            n_validation=self.validation_spectra,
            n_test=self.test_spectra,
            positions=self.positions,
            split=self.split,
            context_spectra=self.context_spectra,
            by_class=self.classes,
            skip_silence_db=self.skip_silence_db,
            seed=self.seed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Option names and values, JSON-serialisable."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    def to_toml(self) -> str:
        """The recipe as a TOML file, one option per line."""
        return "".join(f"{key} = {_toml(value)}\n" for key, value in self.to_dict().items() if value is not None)


def option_types() -> dict[dataclasses.Field[Any], Any]:
    """Each field of `Recipe` with its type."""
    hints = get_type_hints(Recipe)
    return {option: hints[option.name] for option in dataclasses.fields(Recipe)}


def renamed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options under their current names."""
    return {OLD_NAMES.get(key, key): value for key, value in options.items()}


def from_options(options: Mapping[str, Any]) -> Recipe:
    """A recipe from option names and values; lists become tuples."""
    options = renamed(options)
    valid = [option.name for option in dataclasses.fields(Recipe)]
    for key in options:
        if key not in valid:
            nearest = difflib.get_close_matches(key, valid, 1, 0)[0]
            raise TrainingError(f"unknown option {key!r}; did you mean {nearest!r}?")
    kinds = {option.name: kind for option, kind in option_types().items()}
    values: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, list):
            value = tuple(value)
        elif get_origin(kinds[key]) is tuple and not isinstance(value, tuple):
            value = (value,)
        values[key] = value
    return Recipe(**values)


def _check(option: dataclasses.Field[Any], kind: Any, value: Any) -> None:
    """Reject a value of the wrong type or out of range."""
    if type(None) in get_args(kind):
        if value is None:
            return
        kind = get_args(kind)[0]
    values = [value]
    if get_origin(kind) is tuple:
        kind, listed = get_args(kind)[0], isinstance(value, tuple)
        values = list(value) if listed else [value]
        if not listed:
            raise TrainingError(f"{option.name} is {value!r}; expected a list")
    for item in values:
        fits, expected = _fits(item, kind, option.metadata["least"], option.metadata["most"])
        if not fits:
            raise TrainingError(f"{option.name} is {item!r}; expected {expected}")


def _fits(value: Any, kind: Any, least: float | None, most: float) -> tuple[bool, str]:
    """Whether a value has the type and is in range; and a description of what is expected."""
    if get_origin(kind) is Literal:
        return value in get_args(kind), f"one of {', '.join(get_args(kind))}"
    if kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        fits = isinstance(value, numbers) and not isinstance(value, bool) and math.isfinite(value)
        fits = fits and (least is None or least <= value <= most)
        expected = "a whole number" if kind is int else "a number"
        if least is not None:
            expected += f" from {least:g}" if math.isinf(most) else f" from {least:g} to {most:g}"
        return fits, expected
    return isinstance(value, kind), {bool: "true or false", str: "a string"}[kind]


def _toml(value: bool | float | str | Sequence[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        escaped = "".join(c if c >= " " and c not in '"\\\x7f' else f"\\u{ord(c):04X}" for c in value)
        return f'"{escaped}"'
    return "[" + ", ".join(map(_toml, value)) + "]"
