"""Memory of a server that is asked by many: it stays, however many questions there were.

    python -m tests.faults.server_memory --questions 2000 --clients 20

starts `qa serve` on the sample articles in a process of its own. Half of the clients are programs,
each question a session of its own; the other half are people, each with a conversation of ten
questions, then another. Prints the server's resident memory as the questions go on, and how far it
moved over the last half.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.browser.serving import free_port
from tests.conftest import ROOT, SAMPLES

QUESTIONS = (
    "What was the meeting about?",
    "Where was the meeting held?",
    "When was the new pier finished?",
    "To whom was the contract given?",
    "What is the boiling point of tungsten?",
    "Who wrote the report of the third week, number {}?",
    "متى شُيّد المبنى؟",
)
TURNS = 10
LOOKS = 20
"""How often memory is looked at."""


@dataclass(slots=True)
class Person:
    """A conversation in a browser, which keeps its answers."""

    answers: list[dict[str, Any]] = field(default_factory=list)


class Asker:
    """Asks the server, as programs and as people do."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(
            base_url=f"{address}gradio_api/", timeout=300, limits=httpx.Limits(max_connections=None)
        )

    def ask_as_program(self, question: str) -> None:
        """By the endpoint for other programs."""
        self._call("ask", question)

    def ask_as_person(self, question: str, person: Person) -> None:
        """As the page's question field does: with the answers before."""
        wanted = {
            "question": question,
            "before": person.answers,
            "number": len(person.answers),
        }
        told = json.loads(self._call("page_ask", json.dumps(wanted)))
        person.answers.append(told["answer"])

    def _call(self, endpoint: str, value: str) -> Any:
        event = self.http.post(f"call/{endpoint}", json={"data": [value]}).json()["event_id"]
        told = self.http.get(f"call/{endpoint}/{event}").text
        assert "event: complete" in told, told
        return json.loads(told.partition("data: ")[2])[0]


def read_memory(process: int) -> float:
    """Resident memory of a process in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 2**10


def ask_all(asker: Asker, process: int, questions: int, clients: int) -> list[float]:
    """Ask so many questions by so many clients at once; memory along the way, in MiB."""
    people = [Person() for _ in range(clients)]

    def ask_often(client: int, first: int, last: int) -> None:
        for number in range(first, last):
            question = QUESTIONS[number % len(QUESTIONS)].format(number)
            if client % 2:
                if len(people[client].answers) == TURNS:
                    people[client] = Person()
                asker.ask_as_person(question, people[client])
            else:
                asker.ask_as_program(question)

    each, seen = questions // clients // LOOKS, []
    with ThreadPoolExecutor(clients) as pool:
        for look in range(LOOKS):
            started = time.perf_counter()
            list(
                pool.map(
                    lambda client, look=look: ask_often(client, look * each, (look + 1) * each),
                    range(clients),
                )
            )
            seen.append(read_memory(process))
            seconds = time.perf_counter() - started
            print(
                f"{(look + 1) * each * clients:6} questions  {seen[-1]:6.0f} MiB  "
                f"{seconds / each / clients * 1000:4.0f} ms each",
                flush=True,
            )
    return seen


def grown(seen: list[float]) -> float:
    """By how much the most of the last half is above its first value, as a part of that."""
    last = seen[len(seen) // 2 - 1 :]
    return max(last) / last[0] - 1


def main() -> None:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [sys.executable, "-m", "qa", "serve", "--articles", str(SAMPLES)]
        command += ["--index", folder, "--port", str(port), "--no-open"]
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            address = f"http://127.0.0.1:{port}/"
            wait_for(address, server)
            print(f"     0 questions  {read_memory(server.pid):6.0f} MiB")
            seen = ask_all(Asker(address), server.pid, args.questions, args.clients)
        finally:
            server.terminate()
            server.wait()
    print(f"over the last half: {grown(seen):+.1%}")


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    """Until it answers."""
    for _ in range(300):
        assert server.poll() is None, "the server did not start"
        try:
            httpx.get(address, timeout=5).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(1)
    raise AssertionError("the server does not answer")


if __name__ == "__main__":
    main()
