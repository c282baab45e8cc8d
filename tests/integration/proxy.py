# SPDX-License-Identifier: Apache-2.0
"""A wire between a processor and a server that can be cut at the worst moment: when the server has
done what it was asked, and its answer is on the way."""

import contextlib
import random
import select
import socket
import threading

CHUNK = 1 << 16


class Proxy:
    """Forwards connections to a port of this machine. `cut` makes the next answers get lost, each
    with its connection."""

    def __init__(self, port, seed=1):
        self.target = port
        self.random = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.chance = 0.0
        self.cuts = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closing.is_set():
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not self.closing.is_set():
                    for end in select.select([client, server], [], [], 0.5)[0]:
                        data = end.recv(CHUNK)
                        if not data or (end is server and self.loses_it()):
                            return
                        (client if end is server else server).sendall(data)

    def loses_it(self):
        with self.lock:
            lost = self.random.random() < self.chance
            self.cuts += lost
            return lost

    @contextlib.contextmanager
    def losing(self, chance):
        """While the block runs, so many of the answers are lost."""
        self.chance = chance
        try:
            yield
        finally:
            self.chance = 0.0

    def close(self):
        self.closing.set()
        self.listener.close()
