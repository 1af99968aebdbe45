"""Unique: the base of objects that own audio state, and cannot be copied or pickled."""

from __future__ import annotations

from typing import ClassVar, NoReturn, SupportsIndex


class Unique:
    """Refuses `copy.copy`, `copy.deepcopy` and pickling, which would share or lose the state behind the object."""

    __slots__ = ()
    _instead: ClassVar[str] = "make a new one"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be copied or pickled: {self._instead}")
