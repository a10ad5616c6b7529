"""Start processes that only wait while their memory is measured."""

import multiprocessing
import sys


def wait(end, report):
    report(end)
    end.recv()


class Main:
    def __init__(self, start_method, workers):
        context = multiprocessing.get_context(None if start_method == "default" else start_method)
        self.context = context
        self.workers = workers
        self.started = []

    def start(self):
        from serving import send_description

        workers = []
        for _ in range(self.workers):
            mine, theirs = self.context.Pipe()
            process = self.context.Process(target=wait, args=(theirs, send_description), daemon=True)
            process.start()
            theirs.close()
            self.started.append((process, mine))
            workers.append(mine.recv())
        return workers

    def stop(self):
        for process, end in self.started:
            end.send(None)
            process.join()
        return [process.exitcode for process, _ in self.started]


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from serving import serve

    serve(Main)
