"""Recipe: every option of a training run, its default, its range, and where it comes from (TOML file, command line).

The fields are the only list of options there is: the command line and the TOML keys are made from them. A recipe
holds values only; nothing here reads audio or trains.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aedsp import toml
from aedsp.errors import TrainingError
from aedsp.model.format import WeightDtype
from aedsp.model.front_end import FrontEnd, FrontEndKind, WindowName
from aedsp.model.layers import MOST_UNITS, Activation
from aedsp.train.data.batches import parse_step
from aedsp.train.data.sampling import Draw
from aedsp.train.network import corruption as corruptions

#: Names of options in the first edition, which recipes and checkpoints may still have.
OLD_NAMES = {
    "batch": "batch_size",
    "last_learning_rate": "final_learning_rate",
    "last_momentum": "final_momentum",
    "stop_epochs": "early_stopping_epochs",
    "stop_decrease": "early_stopping_decrease",
}
RECIPES = Path(__file__).parents[1] / "recipes"
DEFAULT_RECIPE = "default"


def _about(text: str, least: float | None = None, most: float = math.inf) -> dict[str, Any]:
    """Metadata of an option: its help text and its range, both ends included."""
    return {"help": text, "least": least, "most": most}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Every option of a training run. The defaults are the paper's (section 3), with 256 units.

    Raises
    ------
    TrainingError
        A value of the wrong type or out of its range; the text names the option, the value and the range.
    """

    front_end: FrontEndKind = field(default="stft", metadata=_about("spectra: linear in frequency, or constant-Q"))
    sample_rate: float = field(default=FrontEnd().sample_rate, metadata=_about("Hz"))
    fft_length: int | None = field(
        default=None, metadata=_about("frames, a power of two; none: what suits the front end")
    )
    window_length: int | None = field(default=None, metadata=_about("frames; none: what suits the front end"))
    hop_length: int | None = field(default=None, metadata=_about("frames; none: what suits the front end"))
    window: WindowName = field(default=FrontEnd().window, metadata=_about("shape of the window"))
    bins_per_octave: int | None = field(default=None, metadata=_about("bands of cqft; none: 12", 1))
    f_min_hz: float | None = field(default=None, metadata=_about("lowest band of cqft; none: 20", 0))
    f_max_hz: float | None = field(default=None, metadata=_about("no band of cqft above it; none: 11,025, or less", 0))
    context_spectra: int = field(
        default=1, metadata=_about("the encoder sees so many spectra, up to the newest", 1, 64)
    )

    license: tuple[str, ...] = field(
        default=(), metadata=_about("take only tracks under these licences, by the folder's MANIFEST.tsv")
    )
    training_spectra: int = field(default=Draw().n_training, metadata=_about("spectra to train on", 1))
    validation_spectra: int = field(
        default=Draw().n_validation, metadata=_about("spectra that choose the best epoch", 1)
    )
    test_spectra: int = field(default=Draw().n_test, metadata=_about("spectra kept for the last figure", 0))
    split: Literal["file", "frame"] = field(
        default="file", metadata=_about("whether validation and test are other files, or other frames of the same")
    )
    positions: Literal["grid", "random"] = field(
        default="grid", metadata=_about("draw spectra on the hop grid, or anywhere")
    )
    skip_silence_db: float | None = field(
        default=None, metadata=_about("leave out spectra with no magnitude above this", -400, 40)
    )
    seed: int = field(default=0, metadata=_about("of everything drawn at random", 0))

    preprocess: tuple[str, ...] = field(
        default=("normalize",),
        metadata=_about(
            "steps: normalize (or normalize:MAXIMUM), standardize, log:FLOOR, power:EXPONENT; fitted to the training "
            "spectra"
        ),
    )
    level_balance: float = field(
        default=0.0, metadata=_about("0: loud spectra weigh most; 1: all are brought to one level", 0, 1)
    )

    hidden: tuple[int, ...] = field(
        default=(256,), metadata=_about("units of each layer, from the outside in; the last is the code", 1, MOST_UNITS)
    )
    code: int | None = field(
        default=None, metadata=_about("units of the code; the recipe chooses the rest", 1, MOST_UNITS)
    )
    encoder_activation: tuple[Activation, ...] = field(
        default=("sigmoid",), metadata=_about("of the hidden units, one for all layers or one each")
    )
    decoder_activation: tuple[Activation, ...] = field(
        default=("linear",), metadata=_about("of the layers' outputs, one for all layers or one each")
    )
    tied: bool = field(default=False, metadata=_about("decoders use the transposed encoder weights"))
    encoder_bias: bool = field(default=True, metadata=_about("learn the biases of the hidden units"))
    decoder_bias: bool = field(default=True, metadata=_about("learn the biases of the outputs"))
    nonnegative: bool = field(
        default=False, metadata=_about("keep decoder weights at 0 or above: units only add sound")
    )
    initial: Literal["random", "nonnegative", "principal", "parts"] = field(
        default="random", metadata=_about("weights to start from")
    )

    objective: Literal["squared_error", "cross_entropy"] = field(
        default="squared_error", metadata=_about("Eq. 3 or 4 of the paper; cross entropy wants values from 0 to 1")
    )
    preprocessed_loss: float = field(
        default=1.0, metadata=_about("weight of the objective on the preprocessed spectra", 0)
    )
    magnitude_loss: float = field(
        default=0.0,
        metadata=_about("weight of the objective on the magnitudes, after the inverse preprocessing", 0),
    )
    corruption: tuple[str, ...] = field(
        default=("none",),
        metadata=_about("of the layers' inputs while training: none, gaussian:DEVIATION, dropout:SHARE or "
                        "salt_and_pepper:SHARE; one for all layers or one each"),
    )  # fmt: skip
    sparsity: tuple[float, ...] = field(
        default=(0.0,), metadata=_about("weight of the units' absolute activations, one for all layers or one each", 0)
    )
    weight_decay: float = field(default=0.0, metadata=_about("factor of the weights' squares", 0))
    negative_decay: float = field(default=0.0, metadata=_about("more of it for negative weights", 0))
    positive_decay: float = field(default=0.0, metadata=_about("more of it for positive weights", 0))
    decay_biases: bool = field(default=False, metadata=_about("biases decay as weights do"))

    pretraining: bool = field(default=True, metadata=_about("several layers: train each by itself first"))
    fine_tuning: bool = field(default=True, metadata=_about("several layers: train all together at the end"))
    fine_tuning_epochs: int | None = field(default=None, metadata=_about("of that; none: as many as `epochs`", 0))
    classes: bool = field(
        default=False, metadata=_about("the folder's folders are classes that the code is to tell apart")
    )
    class_epochs: int = field(default=10, metadata=_about("of training for classes, at the end", 0))
    class_weight: float = field(default=0.1, metadata=_about("of the classes beside the reconstruction", 0))

    optimizer: Literal["sgd", "adam"] = field(default="sgd", metadata=_about("how the weights follow the gradient"))
    batch_size: int = field(default=100, metadata=_about("spectra a step", 1, MOST_UNITS))
    epochs: int = field(default=20, metadata=_about("passes over the training spectra, of each stage", 0))
    learning_rate: float = field(default=0.005, metadata=_about("of the first step", 0))
    final_learning_rate: float | None = field(
        default=None, metadata=_about("of the last step, reached in a straight line; none: the same", 0)
    )
    plateau_epochs: int = field(
        default=0, metadata=_about("after so many epochs without a better one the learning rate falls; 0: never", 0)
    )
    plateau_factor: float = field(default=0.5, metadata=_about("by which it then falls", 0, 1))
    momentum: float = field(default=0.5, metadata=_about("SGD's momentum, Adam's first decay", 0, 0.9999))
    final_momentum: float | None = field(
        default=None, metadata=_about("momentum after `momentum_epochs`, reached in a straight line", 0, 0.9999)
    )
    momentum_epochs: int = field(default=5, metadata=_about("of that ramp", 1))
    early_stopping_epochs: int = field(
        default=0,
        metadata=_about("stop where the best loss fell less than `early_stopping_decrease` in so many; 0: never", 0),
    )
    early_stopping_decrease: float = field(default=0.001, metadata=_about("as a share of that loss", 0, 1))

    name: str = field(default="", metadata=_about("name inside the model file; none: the name of the file"))
    model_license: str = field(default="", metadata=_about("licence of the model, kept in its file"))
    weights: WeightDtype = field(
        default="float32", metadata=_about("how the model file keeps weights; float16 is half the size")
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
            raise TrainingError("hidden is empty; expected the units of one layer at least")
        if self.preprocessed_loss + self.magnitude_loss <= 0:
            raise TrainingError("preprocessed_loss and magnitude_loss are both 0; expected one of them above it")

    def analysis(self) -> FrontEnd:
        """The front end of these options.

        Raises
        ------
        ValueError
            Lengths that do not go together.
        """
        names = ("fft_length", "window_length", "hop_length", "bins_per_octave", "f_min_hz", "f_max_hz")
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return FrontEnd.of_kind(self.front_end, sample_rate=self.sample_rate, window=self.window, **chosen)

    def layer_units(self) -> tuple[int, ...]:
        """Units of each layer, from the outside in."""
        return self.hidden if self.code is None else (*self.hidden[:-1], self.code)

    def per_layer(self, name: str) -> tuple[Any, ...]:
        """The values of an option for each layer, where one may stand for all."""
        values: tuple[Any, ...] = getattr(self, name)
        if len(values) not in (1, len(self.hidden)):
            raise TrainingError(
                f"{name} has {len(values)} values; expected one, or one for each of {len(self.hidden)} layers"
            )
        return values * len(self.hidden) if len(values) == 1 else values

    def draw(self) -> Draw:
        """What is drawn from the tracks."""
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
        """Option names and values, as JSON can hold them."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    def to_toml(self) -> str:
        """The recipe as a TOML file, every option on its line."""
        return "".join(f"{key} = {_toml(value)}\n" for key, value in self.to_dict().items() if value is not None)


def option_types() -> dict[dataclasses.Field[Any], Any]:
    """Every field of `Recipe` with its type."""
    hints = get_type_hints(Recipe)
    return {option: hints[option.name] for option in dataclasses.fields(Recipe)}


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load(name_or_path: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """A shipped recipe by name, or a TOML file by path, with `changes` on top.

    Raises
    ------
    TrainingError
        No such recipe, no valid TOML, an unknown option (the text gives the nearest valid one), a value that does
        not fit.
    """
    changes = dict(changes or {})
    if changes.get("hidden") is not None and changes.get("code") is not None:
        raise TrainingError(
            "hidden asks for exactly these layers, and code for a code of so many units; give one of them"
        )
    path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
    if not path.is_file():
        raise TrainingError(f"there is no recipe {name_or_path!r}; give a file, or one of {', '.join(names())}")
    try:
        with open(path, "rb") as file:
            options = toml.loads(file.read().decode())
        recipe = from_options(_for_code(options, changes))
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not valid TOML ({error})") from error
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    if "hidden" in changes:
        changes = _refitted(recipe, changes)
    return from_options({**recipe.to_dict(), **changes})


def _for_code(options: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a recipe's file for a code of so many units: its tables `from_code.N` count from N units on, but
    not for layers that are asked for otherwise.

    Raises
    ------
    TrainingError
        Such a table without a number, or what is no table.
    """
    options = renamed(options)
    tables = options.pop("from_code", {})
    if not isinstance(tables, dict) or not all(n.isdigit() and isinstance(t, dict) for n, t in tables.items()):
        raise TrainingError(
            f"from_code is {tables!r}; expected tables like [from_code.64], by the least number of units"
        )
    hidden = changes.get("hidden", options.get("hidden", 0))
    code = (
        changes.get("code")
        or options.get("code")
        or ([0, *hidden][-1] if isinstance(hidden, (list, tuple)) else hidden)
    )
    shape = ("hidden", "encoder_activation", "decoder_activation") if "hidden" in changes else ()
    for least in sorted(tables, key=int):
        if isinstance(code, int) and int(least) <= code:
            options |= {key: value for key, value in renamed(tables[least]).items() if key not in shape}
    return options


def _refitted(recipe: Recipe, changes: dict[str, Any]) -> dict[str, Any]:
    """`changes`, with the recipe's options of each layer made to fit another number of layers.

    The innermost layer keeps its encoder's activation and its sparsity, the outermost its decoder's activation and its
    corruption; those between are like their neighbours around the code.
    """
    hidden = changes["hidden"]
    n = len(hidden) if isinstance(hidden, (list, tuple)) else 1
    fitted: dict[str, Any] = {"code": None}
    for name in ("encoder_activation", "sparsity"):
        values = list(getattr(recipe, name))
        fitted[name] = values if len(values) == 1 else [values[0]] * (n - 1) + [values[-1]]
    for name in ("decoder_activation", "corruption"):
        values = list(getattr(recipe, name))
        fitted[name] = values if len(values) == 1 else [values[0]] + [values[-1]] * (n - 1)
    return {**fitted, **changes}


def renamed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options under the names that they have now."""
    return {OLD_NAMES.get(key, key): value for key, value in options.items()}


def from_options(options: Mapping[str, Any]) -> Recipe:
    """A recipe from option names and values; lists become tuples."""
    options = renamed(options)
    valid = [option.name for option in dataclasses.fields(Recipe)]
    for key in options:
        if key not in valid:
            nearest = difflib.get_close_matches(key, valid, 1, 0)[0]
            raise TrainingError(f"there is no option {key!r}; did you mean {nearest!r}?")
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
    """Refuse a value of the wrong type or out of range."""
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
    """Whether a value is of the kind and in the range; and what is expected, in words."""
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
    return isinstance(value, kind), {bool: "true or false", str: "a text"}[kind]


def _toml(value: bool | float | str | Sequence[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        escaped = "".join(c if c >= " " and c not in '"\\\x7f' else f"\\u{ord(c):04X}" for c in value)
        return f'"{escaped}"'
    return "[" + ", ".join(map(_toml, value)) + "]"
