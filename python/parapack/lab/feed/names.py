"""Names that the experiment and its report share."""

ALONE, BESIDE = "@alone", "@beside"
"""How a variant is measured: without or with a computation beside it."""
CRYPTOFEED = "cryptofeed"
SPREAD = "share"
"""What the names of the variants begin with."""
IMPORTS, STREAM = "imports", "stream"
"""The kinds of cases."""
