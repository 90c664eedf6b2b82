"""The cheapest route of the API that asks who one is (goal 16)."""

from product import Hub
from programs import Server, ask
from table import LESS, Figure

CONNECTIONS = 64
# Answers from memory: who asks.
ROUTE = "/api/v1/me"


def cheapest_route(options):
    """Goal 16: the server's CPU per request, both from the process's own accounting."""
    figure = Figure(16, "CPU per request, cheapest authenticated route ÷ bare axum", 2, 1.5, LESS)
    ours = Figure(16, "CPU per request", better=LESS, unit="µs")
    secs = 1.5 if options.quick else 3
    with Server("sink", "--mode", "axum") as bare, Hub() as hub:
        hub.configure().start()
        header = f"authorization: Bearer {hub.key}"
        for _ in range(options.rounds):
            of_bare = _cpu_us(bare, secs, bare.port, "--path", "/hook", "--post")
            of_ours = _cpu_us(hub, secs, hub.port, "--path", ROUTE, "--header", header)
            figure.add(of_ours / of_bare)
            ours.add(of_ours)
    return [figure, ours]


def _cpu_us(server, secs, port, *arguments):
    before = server.cpu_s()
    load = ask("httpget", "--port", port, "--conns", CONNECTIONS, "--secs", secs, *arguments)
    return (server.cpu_s() - before) * 1e6 / load["requests"]
