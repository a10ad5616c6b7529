# A child by spawn or forkserver compiles this file anew each time: it holds only what children need that are timed.
import multiprocessing  # noqa: F401 - a script that starts processes has this line
import sys
import time


def nothing(payload=None):
    pass


def stamp(end):
    end.send(time.perf_counter_ns())


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from process_starter import Main
    from serving import serve

    serve(Main)
