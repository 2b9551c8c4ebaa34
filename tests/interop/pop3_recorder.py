"""A relay on loopback that writes down what a POP3 client asks and what the server answers.

Collectors refold header fields and drop what is no header before they file a message. What matters of
the server is what it gave them: the recorder hears that.
"""

import socket
import threading


class Recorder:
    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.messages = []  # every RETR's answer, unstuffed
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with client, socket.create_connection(self.server) as server:
            replies = server.makefile("rb")
            commands = client.makefile("rb")
            client.sendall(replies.readline())
            for command in commands:
                server.sendall(command)
                verb = command.split()[0].upper() if command.split() else b""
                first = replies.readline()
                answer = [first]
                several = verb in (b"RETR", b"TOP", b"CAPA") or (
                    verb in (b"LIST", b"UIDL") and len(command.split()) == 1)
                if several and first.startswith(b"+OK"):
                    while answer[-1] != b".\r\n" or len(answer) == 1:
                        answer.append(replies.readline())
                    if verb == b"RETR":
                        self.messages.append(b"".join(
                            line[1:] if line.startswith(b".") else line for line in answer[1:-1]))
                client.sendall(b"".join(answer))
                if verb == b"QUIT":
                    return

    def close(self):
        self.listener.close()
