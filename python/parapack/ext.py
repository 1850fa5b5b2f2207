"""The two extension types: `ExtType`, an application's own, and `Timestamp`, the specification's."""

from ._exttype import ExtType
from ._parapack import Timestamp

__all__ = ["ExtType", "Timestamp"]
