"""Servers for one test."""

import pytest
from wire.talkers import Server


@pytest.fixture
def serve():
    servers = []

    def start(talk, *place):
        servers.append(Server(talk, *place))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
