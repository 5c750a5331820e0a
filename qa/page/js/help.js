// @ts-check
// Questions to go on with, the keys that there are, and what this page is.

qa.help = (() => {
  const { make, say } = qa;
  /** @type {Map<string, Promise<string[]>>} */
  const known = new Map();

  /** Questions that articles answer; none where the server does not say. */
  function suggest(/** @type {string[]} */ articles, /** @type {string[]} */ asked) {
    const key = JSON.stringify([articles, asked]);
    if (!known.has(key)) {
      const found = qa.server
        .call("page_examples", { articles, asked })
        .then((/** @type {any} */ reply) => reply.questions)
        .catch(() => {
          known.delete(key);
          return [];
        });
      known.set(key, found);
    }
    return /** @type {Promise<string[]>} */ (known.get(key));
  }

  function list(/** @type {string[]} */ questions) {
    const rows = questions.map((question) => {
      const made = qa.button(question, "qa-example");
      made.dir = "auto";
      return make("li", {}, made);
    });
    return make("ul", { className: "qa-follow" }, ...rows);
  }

  // Two questions after an answer, of the articles that it quotes.
  document.addEventListener("qa-answered", async (event) => {
    const turn = /** @type {CustomEvent} */ (event).detail;
    /** @type {any[]} */
    const quotes = turn.answer?.quotes || [];
    const articles = [
      .../** @type {Set<string>} */ (new Set(quotes.map(({ article }) => article.id))),
    ];
    if (!articles.length || turn.next) return;
    const found = await suggest(articles.slice(0, 2), qa.talk.questions());
    turn.next = found.slice(0, 2);
    qa.talk.keep(turn);
    const reply = document.querySelector(`[data-turn="${turn.n}"] .qa-reply`);
    if (reply && qa.talk.holds(turn)) follow(reply, turn);
  });

  /** The questions that go on from an answer, under it; only the last answer shows its own. */
  function follow(/** @type {Element} */ reply, /** @type {any} */ turn) {
    const questions = (turn.next || []).filter(
      (/** @type {string} */ one) => !qa.talk.questions().includes(one),
    );
    const answer = reply.querySelector(".qa-answer");
    answer?.querySelector(":scope > .qa-following")?.remove();
    if (!questions.length || !answer) return;
    const lead = make("p", { className: "qa-lead", textContent: say("You may ask next") });
    answer.append(make("div", { className: "qa-following" }, lead, list(questions)));
  }

  /** Beside an open article: what it answers. */
  async function offerExamples(/** @type {Element} */ section) {
    const box = /** @type {HTMLElement | null} */ (section.querySelector(".qa-examples-here"));
    const only = /** @type {HTMLButtonElement | null} */ (section.querySelector(".qa-ask-this"));
    if (!box || !only) return;
    const found = await suggest([only.value], []);
    if (!found.length || !box.isConnected) return;
    const summary = make("summary", { textContent: say("Questions that it answers") });
    box.replaceChildren(make("details", {}, summary, list(found)));
    box.hidden = false;
  }

  /** In the row of an article just added: questions that it answers. */
  function askAbout(/** @type {string} */ id) {
    const box = make("div", { className: "qa-ask-about" });
    suggest([id], []).then((found) => {
      if (found.length) box.append(list(found.slice(0, 2)));
    });
    return box;
  }

  async function show() {
    if (document.querySelector("dialog[open]")) return;
    const dialog = qa.openDialog(
      "qa-help-title",
      say("Ask your articles"),
      say("It answers with sentences of your articles, word for word, and generates nothing."),
    );
    const keys = [
      ["/", say("Write a question")],
      ["Enter", say("Ask it; Shift+Enter begins a new line")],
      ["↑ ↓", say("Bring back the questions before, in an empty line")],
      ["Esc", say("Close the article, or the list of articles")],
      ["n p", say("Next and previous quote, beside an open article")],
      ["Ctrl+F", say("Find words in the open article")],
      ["?", say("This help")],
    ];
    const table = make(
      "dl",
      { className: "qa-keys" },
      ...keys.flatMap(([key, words]) => [
        make("dt", {}, make("kbd", { textContent: key })),
        make("dd", { textContent: words }),
      ]),
    );
    const about = make("dl", { className: "qa-about" });
    dialog
      .querySelector("form > div")
      .before(make("h3", { textContent: say("Keys") }), table, about);
    try {
      const told = await qa.server.call("page_about", {});
      const facts = [
        [say("Articles"), told.articles.toLocaleString(qa.language)],
        [say("Index"), say("generation {number}", { number: told.generation })],
        [say("Models"), `${told.encoder} · ${told.reader}`],
        [say("Version"), told.version],
        [say("Privacy"), say("Nothing leaves this machine; conversations stay in this browser.")],
      ];
      about.append(
        ...facts.flatMap(([name, value]) => [
          make("dt", { textContent: name }),
          make("dd", { textContent: value, dir: "auto" }),
        ]),
      );
      about.before(make("h3", { textContent: say("About") }));
    } catch {
      about.remove();
    }
  }

  qa.on("qa-help", show);
  return { show, follow, offerExamples, askAbout };
})();
