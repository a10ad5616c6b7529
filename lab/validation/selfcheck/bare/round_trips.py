"""Handwritten loops, as in timeit, over a message to a forked process and back, by each mechanism."""

import multiprocessing
import os
import socket
import sys
import time
from itertools import repeat

FREED_BYTES = 33_000_000  # just below the largest threshold, DEFAULT_MMAP_THRESHOLD_MAX of 32 MiB
context = multiprocessing.get_context("fork")


def echo(send, receive, stop, cpus, allocator):
    if cpus is not None:
        os.sched_setaffinity(0, cpus)
    prepare(allocator)
    while True:
        message = receive()
        if message == stop:
            return
        send(message)


def prepare(allocator):
    """Where memory is to be ``retained``, free one block larger than every message.

    From then on glibc keeps freed memory of up to that size, and at the top of the heap twice as much (M_MMAP_THRESHOLD
    and M_TRIM_THRESHOLD in mallopt(3), which adapt to freed blocks). Without it, as in a ``fresh`` process, messages
    from 128 KiB on are returned to the system and their pages fault again.
    """
    if allocator == "retained":
        bytearray(FREED_BYTES)


def over_descriptors(reader, writer, size):
    read, write = os.read, os.write

    def receive():
        message = read(reader, size)
        while 0 < len(message) < size:
            message += read(reader, size - len(message))
        return message

    return lambda message: write(writer, message), receive


def over_socket(connected, size):
    recv = connected.recv

    def receive():
        message = recv(size)
        while 0 < len(message) < size:
            message += recv(size - len(message))
        return message

    return connected.sendall, receive


def os_pipe(size):
    forth_r, forth_w = os.pipe()
    back_r, back_w = os.pipe()
    return over_descriptors(back_r, forth_w, size), over_descriptors(forth_r, back_w, size)


def unix_socket(size):
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return over_socket(here, size), over_socket(there, size)


def pipe(_size):
    forth_r, forth_w = context.Pipe(duplex=False)
    back_r, back_w = context.Pipe(duplex=False)
    return (forth_w.send_bytes, back_r.recv_bytes), (back_w.send_bytes, forth_r.recv_bytes)


def duplex_pipe(_size):
    here, there = context.Pipe()
    return (here.send_bytes, here.recv_bytes), (there.send_bytes, there.recv_bytes)


def queue(_size):
    forth, back = context.Queue(), context.Queue()
    return (forth.put, back.get), (back.put, forth.get)


def simple_queue(_size):
    forth, back = context.SimpleQueue(), context.SimpleQueue()
    return (forth.put, back.get), (back.put, forth.get)


def joinable_queue(_size):
    forth, back = context.JoinableQueue(), context.JoinableQueue()
    return (forth.put, acknowledging(back, forth)), (back.put, acknowledging(forth, back))


def acknowledging(reader, writer):
    get, task_done, join = reader.get, reader.task_done, writer.join

    def receive():
        message = get()
        task_done()
        join()
        return message

    return receive


def manager_queue(_size):
    manager = context.Manager()
    forth, back = manager.Queue(), manager.Queue()  # they keep the manager alive
    return (forth.put, back.get), (back.put, forth.get)


MECHANISMS = {
    made.__name__: made
    for made in (os_pipe, unix_socket, pipe, duplex_pipe, queue, simple_queue, joinable_queue, manager_queue)
}


def opened(settings):
    size, allocator = settings["payload_bytes"], settings["allocator"]
    content = bytes(number % 251 for number in range(size))
    stop = b"stop".ljust(size)
    (send, receive), (their_send, their_receive) = MECHANISMS[settings["mechanism"]](size)
    arguments = (their_send, their_receive, stop, settings["theirs"], allocator)
    child = context.Process(target=echo, args=arguments, daemon=True)
    child.start()
    prepare(allocator)
    send(content)
    if receive() != content:
        raise SystemExit("the payload was changed on its way")

    def batch(loops):
        start = time.perf_counter_ns()
        for _ in repeat(None, loops):
            send(content)
            receive()
        return time.perf_counter_ns() - start

    yield batch
    send(stop)
    child.join()


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from drive import drive

    drive(opened)
