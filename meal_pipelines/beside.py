"""One process beside another: `python -m meal_pipelines.beside`, told through its input what to do, answering on its output.

It ends as soon as its input does, so it never outlives whoever started it. Neither the command line nor the environment
tells it anything, and it writes nothing but its answers. Which chunks it is given is in `workers.py`.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
from queue import SimpleQueue
from typing import IO, Any

MAKE, WORK, FORGET = range(3)
"""What may be asked."""
_length = struct.Struct("!Q")


def send(stream: IO[bytes], thing: Any) -> None:
    """Write one thing, in one piece: each piece would wait for Python's lock, which other threads hold meanwhile."""
    data = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    stream.write(_length.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one thing. Raises: EOFError, when the other side is gone."""
    head = stream.read(_length.size)
    if len(head) < _length.size:
        raise EOFError
    data = stream.read(*_length.unpack(head))
    if len(data) < _length.unpack(head)[0]:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Answer what is asked, one thing after the other, with (what became of it, None) or (None, the error).

    Asked are (MAKE, a callable that gives what works on chunks), (WORK, a chunk), and (FORGET, None), which has no answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the other one says when to end
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    given: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=[sys.stdin.buffer, given], daemon=True).start()
    work: Any = None
    answer: tuple[Any, Exception | None]
    while True:
        asked, thing = given.get()
        if asked == FORGET:
            work, answer = None, (None, None)
            continue
        try:
            if asked == MAKE:
                work = thing()
            answer = (work(thing) if asked == WORK else None, None)
        except Exception as error:  # raised again by whoever asked
            answer = (None, error)
        send(answers, answer)


def _listen(stream: IO[bytes], given: SimpleQueue[Any]) -> None:
    """Take what comes, whatever is being worked on; when nothing more can come, there is nothing more to do."""
    try:
        while True:
            given.put(receive(stream))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
