"""Handwritten loops, as in timeit, over a message to a forked process and back, by each mechanism."""

import multiprocessing
import os
import socket
import sys
import time
from itertools import repeat

SIZE = 64  # of every message
STOP = b"stop".ljust(SIZE)
context = multiprocessing.get_context("fork")


def echo(send, receive, cpus):
    if cpus is not None:
        os.sched_setaffinity(0, cpus)
    while True:
        message = receive()
        if message == STOP:
            return
        send(message)


def over_descriptors(reader, writer):
    read, write = os.read, os.write

    def receive():
        message = read(reader, SIZE)
        while 0 < len(message) < SIZE:
            message += read(reader, SIZE - len(message))
        return message

    return lambda message: write(writer, message), receive


def over_socket(connected):
    recv = connected.recv

    def receive():
        message = recv(SIZE)
        while 0 < len(message) < SIZE:
            message += recv(SIZE - len(message))
        return message

    return connected.sendall, receive


def os_pipe():
    forth_r, forth_w = os.pipe()
    back_r, back_w = os.pipe()
    return over_descriptors(back_r, forth_w), over_descriptors(forth_r, back_w)


def unix_socket():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return over_socket(here), over_socket(there)


def pipe():
    forth_r, forth_w = context.Pipe(duplex=False)
    back_r, back_w = context.Pipe(duplex=False)
    return (forth_w.send_bytes, back_r.recv_bytes), (back_w.send_bytes, forth_r.recv_bytes)


def duplex_pipe():
    here, there = context.Pipe()
    return (here.send_bytes, here.recv_bytes), (there.send_bytes, there.recv_bytes)


def queue():
    forth, back = context.Queue(), context.Queue()
    return (forth.put, back.get), (back.put, forth.get)


def simple_queue():
    forth, back = context.SimpleQueue(), context.SimpleQueue()
    return (forth.put, back.get), (back.put, forth.get)


MECHANISMS = {made.__name__: made for made in (os_pipe, unix_socket, pipe, duplex_pipe, queue, simple_queue)}


def opened(settings):
    (send, receive), (their_send, their_receive) = MECHANISMS[settings["mechanism"]]()
    child = context.Process(target=echo, args=(their_send, their_receive, settings["theirs"]), daemon=True)
    child.start()
    content = bytes(range(SIZE))
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
    send(STOP)
    child.join()


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from drive import drive

    drive(opened)
