"""What `keys()`, `values()` and `items()` of a `MapView` return."""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

__all__ = ["Items", "Keys", "Values"]


class Keys(KeysView[Any]):
    """Iterates as the map does, without a generator in between."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._mapping)  # type: ignore[attr-defined]


class Values(ValuesView[Any]):
    """Goes through the map once instead of looking every key up."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return self._mapping._iterate_values()  # type: ignore[attr-defined, no-any-return]

    def __contains__(self, value: object) -> bool:
        return any(v is value or v == value for v in self)


class Items(ItemsView[Any, Any]):
    """The same for pairs."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self._mapping._iterate_items()  # type: ignore[attr-defined, no-any-return]
