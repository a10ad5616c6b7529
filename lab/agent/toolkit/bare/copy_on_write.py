"""Fork children that share the parent's objects, and let them touch these on request."""

import gc
import multiprocessing
import sys
import threading
import warnings

THREADS = 4
ASSIGNED = -1


def obey(end, data):
    while True:
        order = end.recv()
        if order is None:
            return
        end.send(ORDERS[order](data))


def describe(data):
    import serving

    return serving.describe()


def read(data):
    total = 0
    for item in data:  # each access to an object writes its reference count
        total += item[0]
    return total


def collect(data):
    gc.collect()
    return len(data)


def assign(data):
    for item in data[:100]:
        item[0] = ASSIGNED
    return seen(data)


def seen(data):
    return sum(item[0] == ASSIGNED for item in data[:100])


ORDERS = {"describe": describe, "read": read, "collect": collect, "assign": assign}


class Main:
    def __init__(self, parent, objects):
        self.data = [[number] for number in range(objects)]
        if parent == "frozen":
            gc.freeze()
        if parent == "threaded":
            for _ in range(THREADS):
                threading.Thread(target=threading.Event().wait, daemon=True).start()
        self.child = None

    def fork(self):
        context = multiprocessing.get_context("fork")
        self.end, theirs = context.Pipe()
        self.child = context.Process(target=obey, args=(theirs, self.data), daemon=True)
        with warnings.catch_warnings(record=True) as warned:  # from Python 3.12 on, forking with threads warns
            warnings.simplefilter("always")
            self.child.start()
        theirs.close()
        return {"pid": self.child.pid, "threads": threading.active_count(), "warnings": len(warned)}

    def order(self, name):
        self.end.send(name)
        return self.end.recv()

    def seen(self):
        return seen(self.data)

    def join(self):
        self.end.send(None)
        self.child.join()
        self.end.close()
        return self.child.exitcode


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from serving import serve

    serve(Main)
