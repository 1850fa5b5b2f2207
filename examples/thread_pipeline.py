"""A pipeline of threads: frames come in packed, are looked at, and go out packed again.

    python examples/thread_pipeline.py

Each frame carries an image of a megabyte. Copying that megabyte is most of the work, and Parapack copies it
once and without the GIL: on a machine with two free cores, two threads get through more frames than one, on
any Python.
"""

import os
import queue
import threading
import time

import parapack

FRAMES = 40
IMAGE = os.urandom(1 << 20)


def make_frames(count: int) -> list[bytes]:
    """Packed frames, as a camera would send them."""
    return [parapack.packb({"number": i, "camera": "north", "image": IMAGE}) for i in range(count)]


def work(frames: "queue.SimpleQueue[bytes | None]", results: "queue.SimpleQueue[bytes]") -> None:
    """Take frames until a None comes; put each out with a label."""
    while (data := frames.get()) is not None:
        frame = parapack.unpackb(data)
        frame["label"] = "bright" if frame["image"][0] >= 128 else "dark"
        results.put(parapack.packb(frame))


def run(packed: list[bytes], threads: int) -> float:
    """Put the frames through that many threads; check what comes out; return the seconds it took."""
    frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    results: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for item in [*packed, *[None] * threads]:
        frames.put(item)
    workers = [threading.Thread(target=work, args=(frames, results)) for _ in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.perf_counter() - started
    numbers = sorted(parapack.unpackb(results.get())["number"] for _ in packed)
    assert numbers == list(range(len(packed)))
    return took


def main() -> None:
    packed = make_frames(FRAMES)
    run(packed, 1)  # the first pass pays for the memory
    one, two = run(packed, 1), run(packed, 2)
    for threads, took in ((1, one), (2, two)):
        rate = FRAMES * len(IMAGE) / took / 1e6
        print(f"threads: {threads}, {took * 1e3:6.1f} ms, {rate:6.0f} MB/s in and out")
    print(f"gain of the second thread: {one / two:.2f}x")


if __name__ == "__main__":
    main()
