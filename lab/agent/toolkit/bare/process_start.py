# Each spawned or forkserver child compiles this file again, so it holds only the code that timed children need.
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
