"""The recipe: every setting of a training, as a file that a person can open and repeat.

Knows nothing of how a setting is used.
"""

from __future__ import annotations

import dataclasses
import platform
import reprlib
import sys
import tomllib
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from braintumor import __version__
from braintumor.errors import BraintumorError
from braintumor.files import write_text
from braintumor.images.prepare import Preparation
from braintumor.networks import SIZE_STEP, default_size
from braintumor.networks.augmentation import Augmentation
from braintumor.networks.resnet50 import CUTS

_LIBRARIES = ("keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy", "pillow", "scipy")


# From scratch a network needs more variety than one that has seen a million photographs.
_STRONG = Augmentation(
    rotation=20.0,
    zoom=0.18,
    stretch=0.1,
    shift=0.07,
    contrast=0.3,
    brightness=0.1,
    gamma=0.35,
    scanner=0.3,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of one training.

    Attributes:
        network: `cnn` or `resnet50`.
        epochs: passes over the training images at the most (resnet50: of its last stage).
        batch_size: images a step.
        learning_rate: highest rate of AdamW (Loshchilov & Hutter 2019); it warms up linearly
            over `warmup_epochs`, then falls along half a cosine to nearly nothing.
        weight_decay: of AdamW, per step and unit of learning rate.
        label_smoothing: share of the label spread evenly over the classes, 0 to 1.
        mixup: alpha of the Beta distribution by which two images and their labels are mixed
            (Zhang et al. 2018); 0 for none.
        dropout: share of pooled features dropped, 0 to 1.
        keep: `best`, the weights of the epoch with the lowest validation loss, or `last`, for a
            training that holds nothing back.
        patience: epochs without a better validation loss after which training stops.
        seed: of weights, order, augmentation, mixing and dropout.
        precision: `auto` (mixed_bfloat16 where the processor computes in it, else float32),
            `float32` or `mixed_bfloat16`.
        deterministic: same seed, same machine, same result to the last digit; a little slower.
        preparation, augmentation: see there; the networks take sides that are multiples of 32.
        balance: how far the classes are brought to one share of an epoch, from 0 (as they are)
            to 1 (equal): a network learns the class mix of what it sees, and the mix of a data
            set is not that of a clinic.
        patient_balance: how far patients (groups of slices) are brought to one share of their
            class: each slice comes as often as the number of its group's slices to the power of
            minus this, 0 (slices alike) to 1 (patients alike). Images without a group count alone,
            those of people whom the catalogue does not hold as the mean of its class.
        mask_weight, outside_weight: of the parts of the loss that masks of lesions make possible;
            see `objective`. Without masks they change nothing.
        implant: how often a lesion is put into a slice without one, 0 to 1; see `examples`.
        heal: how often a lesion is taken out of a slice.
        tune_from: resnet50 only: name of the last layer that stays frozen, the end of a block from
            `conv2_block1_out` to `conv4_block6_out`.
        variants: resnet50 only: augmented variants of each image run through the frozen trunk.
        head_epochs, head_learning_rate: resnet50 only: the first phase, the new top alone.
    """

    network: str = "cnn"
    epochs: int = 90
    batch_size: int = 32
    learning_rate: float = 2e-3
    warmup_epochs: int = 4
    weight_decay: float = 5e-2
    label_smoothing: float = 0.05
    mixup: float = 0.0
    dropout: float = 0.25
    keep: str = "best"
    patience: int = 30
    seed: int = 1
    precision: str = "auto"
    deterministic: bool = True
    preparation: Preparation = field(default_factory=Preparation)
    augmentation: Augmentation = _STRONG
    balance: float = 1.0
    patient_balance: float = 0.0
    mask_weight: float = 1.0
    outside_weight: float = 0.1
    implant: float = 0.25
    heal: float = 0.04
    tune_from: str = "conv4_block4_out"
    variants: int = 12
    head_epochs: int = 2
    head_learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for one in fields(self):
            if one.default is not dataclasses.MISSING:
                _check_kind(one.name, getattr(self, one.name), one.default)
        default_size(self.network)  # raises for an unknown network
        checks = {
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 2,
            "learning_rate": self.learning_rate > 0,
            "warmup_epochs": self.warmup_epochs >= 0,
            "weight_decay": self.weight_decay >= 0,
            "head_epochs": self.head_epochs >= 0,
            "head_learning_rate": self.head_learning_rate > 0,
            "label_smoothing": 0 <= self.label_smoothing < 1,
            "mixup": self.mixup >= 0,
            "dropout": 0 <= self.dropout < 1,
            "keep": self.keep in ("best", "last"),
            "patience": self.patience >= 1,
            "balance": 0 <= self.balance <= 1,
            "patient_balance": 0 <= self.patient_balance <= 1,
            "mask_weight": self.mask_weight >= 0,
            "outside_weight": self.outside_weight >= 0,
            "implant": 0 <= self.implant <= 1,
            "heal": 0 <= self.heal <= 1,
            "variants": self.variants >= 1,
            "seed": 0 <= self.seed < 2**32,
            "precision": self.precision in ("auto", "float32", "mixed_bfloat16"),
        }
        for name, good in checks.items():
            if not good:
                raise _cannot_be(name, getattr(self, name))
        self._check_network()

    def _check_network(self) -> None:
        """Refuse what Keras would refuse when the network is built, with a traceback."""
        size = self.preparation.size
        if size % SIZE_STEP:
            raise BraintumorError(
                f"{_cannot_be('size', size)}: both networks take multiples of {SIZE_STEP} pixels"
            )
        if self.network == "resnet50" and self.tune_from not in CUTS:
            raise BraintumorError(
                f"{_cannot_be('tune_from', self.tune_from)}: name one of {', '.join(CUTS)}"
            )

    def resolved(self) -> Self:
        """The recipe with `auto` replaced by what this machine does."""
        if self.precision != "auto":
            return self
        precision = "mixed_bfloat16" if has_bfloat16() else "float32"
        return dataclasses.replace(self, precision=precision)

    def changed(self, **settings: Any) -> Self:
        """A copy with some settings changed."""
        return dataclasses.replace(self, **settings)

    def write(self, path: Path, *, record: dict[str, Any] | None = None) -> None:
        """Write the recipe as TOML, with versions and what else is to be remembered beside it.

        Args:
            path: the file, written whole or not at all.
            record: further facts, such as the catalogue's hash; kept in a table `record`.
        """
        import tomli_w

        content = {"recipe": asdict(self), "record": {**versions(), **(record or {})}}
        write_text(path, tomli_w.dumps(content))

    @classmethod
    def read(cls, path: Path, *, network: str | None = None) -> Self:
        """Read a recipe that `write` wrote, or one written by hand (a part of it will do).

        Args:
            path: TOML file.
            network: wished for; the recipe may leave it out, but not name another.

        Raises:
            BraintumorError: unreadable, with a setting that does not exist, or of another network.
        """
        content = _read_toml(path)
        settings = content.get("recipe", content)
        if network is not None and isinstance(settings, dict):
            named = settings.setdefault("network", network)
            if named != network:
                raise BraintumorError(f"{path} is a recipe for {named}, and {network} is asked for")
        return cls.from_dict(settings, where=str(path))

    @classmethod
    def from_dict(cls, settings: dict[str, Any], *, where: str) -> Self:
        """A recipe from plain values over the network's defaults, those of a table within it too;
        errors name `where`."""
        if not isinstance(settings, dict):
            raise BraintumorError(f"{where} is no valid recipe: recipe is no table of settings")
        known = {f.name for f in fields(cls)}
        unknown = set(settings) - known
        if unknown:
            raise BraintumorError(
                f"{where} has settings that do not exist: {', '.join(sorted(unknown))}"
            )
        values = dict(settings)
        try:
            _check_kind("network", values.get("network", "cnn"), "cnn")
            base = default_recipe(values.get("network", "cnn"))
            for table in ("preparation", "augmentation"):
                if table in values:
                    values[table] = _part(table, values, getattr(base, table))
            return dataclasses.replace(base, **values)  # type: ignore[return-value]
        except (BraintumorError, TypeError, ValueError) as error:
            raise BraintumorError(f"{where} is no valid recipe: {error}") from error


def _part(table: str, settings: dict[str, Any], usual: Any) -> Any:
    """A table within a recipe, over its usual values."""
    given = settings[table]
    if not isinstance(given, dict):
        raise BraintumorError(f"{table} is no table of settings")
    for name, value in given.items():
        if hasattr(usual, name):
            _check_kind(name, value, getattr(usual, name))
    return dataclasses.replace(usual, **given)


def default_recipe(network: str, **overrides: Any) -> Recipe:
    """The recipe of the results on the published split, save for what is overridden.

    Args:
        network: `cnn` or `resnet50`.
        overrides: any attribute of `Recipe`.
    """
    preparation = Preparation(size=default_size(network))
    settings: dict[str, Any] = {"network": network, "preparation": preparation}
    if network == "resnet50":
        settings |= {
            "epochs": 24,
            "learning_rate": 3e-4,
            "warmup_epochs": 1,
            "dropout": 0.3,
            "weight_decay": 1e-2,
            "patience": 24,
            "outside_weight": 0.2,
            "implant": 0.2,
            "heal": 0.06,
            "tune_from": "conv4_block1_out",
            "variants": 10,
            "augmentation": Augmentation(scanner=0.3),
        }
    return Recipe(**{**settings, **overrides})


def read_record(path: Path) -> dict[str, Any]:
    """The facts beside a written recipe: versions, hashes, counts; empty where there are none."""
    record = _read_toml(path).get("record", {})
    if not isinstance(record, dict):
        raise BraintumorError(f"{path} cannot be read as a recipe: record is no table of facts")
    return record


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a written recipe as they stand there, also those that there are no more."""
    settings = _read_toml(path).get("recipe", {})
    return settings if isinstance(settings, dict) else {}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BraintumorError(f"{path} cannot be read as a recipe: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BraintumorError(
            f"{path} cannot be read as a recipe: it is nested too deeply or holds a number of too "
            "many digits"
        ) from error


def _check_kind(name: str, value: Any, usual: Any) -> None:
    """Refuse a setting that is of another kind than its usual value, or no finite number."""
    if isinstance(usual, bool) or isinstance(value, bool):
        good = isinstance(usual, bool) and isinstance(value, bool)
    elif isinstance(usual, float):
        good = isinstance(value, int | float) and abs(value) <= sys.float_info.max
    else:
        good = isinstance(value, type(usual))
    if not good:
        raise _cannot_be(name, value)


def _cannot_be(name: str, value: Any) -> BraintumorError:
    return BraintumorError(f"the recipe's {name} cannot be {reprlib.repr(value)}")


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware (Linux; elsewhere taken as no)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def versions() -> dict[str, str]:
    """Versions of this software, Python and the libraries that a result depends on."""
    found = {"braintumor": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found
