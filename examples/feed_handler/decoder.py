"""What a worker does, in an interpreter of its own or in a thread: takes frames, changes the books."""

import parapack
from parapack import share


def decode(number: int) -> None:
    """Apply frames from queue `number` to the books until that queue is shut down.

    What it works on it finds by name: every interpreter of the process sees the same `share.root`.
    """
    feed = share.root["feed"]
    frames, books = feed["frames"][number], feed["books"]
    while True:
        try:
            frame = frames.get()
        except share.ShutDown:
            return
        change = parapack.unpackb(frame)
        book = books[change["pair"]]
        if change["size"]:
            book[change["side"]][change["price"]] = change["size"]
        else:
            book[change["side"]].pop(change["price"], None)
        book.add("changes", 1)
