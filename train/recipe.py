"""Recipe: every option of a training run, its default, its range, and where it comes from (TOML file, command line).

The fields are the only list of options there is: the command line and the TOML keys are made from them. A recipe
holds values only; nothing here reads audio or trains.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aedsp.errors import TrainingError
from aedsp.front_end import FrontEnd, WindowName
from aedsp.model import MOST_UNITS, Activation
from aedsp.model_format import WeightDtype
from aedsp.train.corpus import Draw

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

RECIPES = Path(__file__).parent / "recipes"
DEFAULT_RECIPE = "parts"


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

    sample_rate: float = field(default=FrontEnd().sample_rate, metadata=_about("Hz"))
    fft_length: int = field(default=FrontEnd().fft_length, metadata=_about("frames, a power of two"))
    window_length: int = field(default=FrontEnd().window_length, metadata=_about("frames"))
    hop_length: int = field(default=FrontEnd().hop_length, metadata=_about("frames"))
    window: WindowName = field(default=FrontEnd().window, metadata=_about("shape of the window"))

    license: tuple[str, ...] = field(
        default=(), metadata=_about("take only tracks under these licences, by the folder's MANIFEST.tsv")
    )
    training_spectra: int = field(default=Draw().n_training, metadata=_about("spectra to train on", 1))
    validation_spectra: int = field(
        default=Draw().n_validation, metadata=_about("spectra that choose the best epoch", 1)
    )
    test_spectra: int = field(default=Draw().n_test, metadata=_about("spectra kept for the last figure", 0))
    positions: Literal["grid", "random"] = field(
        default="grid", metadata=_about("draw spectra on the hop grid, or anywhere")
    )
    seed: int = field(default=0, metadata=_about("of everything drawn at random", 0))

    preprocess: tuple[str, ...] = field(
        default=("normalize",),
        metadata=_about("steps: normalize, standardize, log:FLOOR, power:EXPONENT; fitted to the training spectra"),
    )
    level_balance: float = field(
        default=0.0, metadata=_about("0: loud spectra weigh most; 1: all are brought to one level", 0, 1)
    )

    hidden: int = field(default=256, metadata=_about("units", 1, MOST_UNITS))
    encoder_activation: Activation = field(default="sigmoid", metadata=_about("of the hidden units"))
    decoder_activation: Activation = field(default="linear", metadata=_about("of the output"))
    tied: bool = field(default=False, metadata=_about("the decoder uses the transposed encoder weights"))
    encoder_bias: bool = field(default=True, metadata=_about("learn the biases of the hidden units"))
    decoder_bias: bool = field(default=True, metadata=_about("learn the biases of the output"))
    nonnegative: bool = field(
        default=False, metadata=_about("keep decoder weights at 0 or above: units only add sound")
    )
    initial: Literal["random", "principal", "parts"] = field(default="random", metadata=_about("weights to start from"))

    optimizer: Literal["sgd", "adam"] = field(default="sgd", metadata=_about("how the weights follow the gradient"))
    batch: int = field(default=100, metadata=_about("spectra a step", 1, MOST_UNITS))
    epochs: int = field(default=20, metadata=_about("passes over the training spectra", 0))
    learning_rate: float = field(default=0.005, metadata=_about("of the first step", 0))
    last_learning_rate: float | None = field(
        default=None, metadata=_about("of the last step, reached in a straight line; none: the same", 0)
    )
    momentum: float = field(default=0.5, metadata=_about("SGD's momentum, Adam's first decay", 0, 0.9999))

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

    def front_end(self) -> FrontEnd:
        """The front end of these options.

        Raises
        ------
        ValueError
            Lengths that do not go together.
        """
        return FrontEnd(
            sample_rate=self.sample_rate,
            fft_length=self.fft_length,
            window_length=self.window_length,
            hop_length=self.hop_length,
            window=self.window,
        )

    def draw(self) -> Draw:
        """What is drawn from the tracks."""
        return Draw(
            front_end=self.front_end(),
            n_training=self.training_spectra,
            n_validation=self.validation_spectra,
            n_test=self.test_spectra,
            positions=self.positions,
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
    path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
    if not path.is_file():
        raise TrainingError(f"there is no recipe {name_or_path!r}; give a file, or one of {', '.join(names())}")
    try:
        with open(path, "rb") as file:
            options = tomllib.load(file)
        recipe = from_options(options)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not valid TOML ({error})") from error
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    return from_options({**recipe.to_dict(), **(changes or {})})


def from_options(options: Mapping[str, Any]) -> Recipe:
    """A recipe from option names and values; lists become tuples."""
    valid = [option.name for option in dataclasses.fields(Recipe)]
    for key in options:
        if key not in valid:
            nearest = difflib.get_close_matches(key, valid, 1, 0)[0]
            raise TrainingError(f"there is no option {key!r}; did you mean {nearest!r}?")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return Recipe(**values)


def parse_step(text: str) -> tuple[str, float | None]:
    """Kind and number of a preprocess step: "power:0.5" is ("power", 0.5), "normalize" is ("normalize", None).

    Raises
    ------
    TrainingError
        An unknown kind, a number that is none or not above 0, or one where none belongs.
    """
    kind, colon, number = text.partition(":")
    expected = "expected normalize, standardize, log:FLOOR or power:EXPONENT, the number above 0"
    if kind not in ("normalize", "standardize", "log", "power") or (colon and kind not in ("log", "power")):
        raise TrainingError(f"preprocess step is {text!r}; {expected}")
    if not colon:
        return kind, {"log": 1e-5, "power": 0.5}.get(kind)
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise TrainingError(f"preprocess step is {text!r}; {expected}")
    return kind, value


def _check(option: dataclasses.Field[Any], kind: Any, value: Any) -> None:
    """Refuse a value of the wrong type or out of range."""
    if type(None) in get_args(kind):
        if value is None:
            return
        kind = get_args(kind)[0]
    least, most = option.metadata["least"], option.metadata["most"]
    if get_origin(kind) is Literal:
        fits, expected = value in get_args(kind), f"one of {', '.join(get_args(kind))}"
    elif get_origin(kind) is tuple:
        fits, expected = isinstance(value, tuple) and all(isinstance(item, str) for item in value), "a list of texts"
    elif kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        fits = isinstance(value, numbers) and not isinstance(value, bool) and math.isfinite(value)
        fits = fits and (least is None or least <= value <= most)
        expected = "a whole number" if kind is int else "a number"
        if least is not None:
            expected += f" from {least:g}" if math.isinf(most) else f" from {least:g} to {most:g}"
    else:
        fits, expected = isinstance(value, kind), {bool: "true or false", str: "a text"}[kind]
    if not fits:
        raise TrainingError(f"{option.name} is {value!r}; expected {expected}")


def _toml(value: bool | float | str | Sequence[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        escaped = "".join(c if c >= " " and c not in '"\\\x7f' else f"\\u{ord(c):04X}" for c in value)
        return f'"{escaped}"'
    return "[" + ", ".join(map(_toml, value)) + "]"
