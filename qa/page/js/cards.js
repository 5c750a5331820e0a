// @ts-check
// What an answer has under it: copying all of it, and votes on its quotes, which are kept in this
// browser and saved as questions with gold answers.

qa.cards = (() => {
  const { make, say } = qa;
  const PREFIX = "qa.vote.";

  /** The answer's quotes with their sources, or what it says instead, as text to paste. */
  function toText(/** @type {HTMLElement} */ reply, /** @type {string} */ question) {
    const parts = [question];
    const verdict = reply.querySelector(".qa-verdict")?.textContent;
    if (verdict) parts.push(verdict);
    for (const cite of reply.querySelectorAll(".qa-answer > :not(.qa-near) .qa-cite"))
      parts.push(cite.textContent || "");
    return parts.join("\n\n") + "\n";
  }

  const keyOf = (/** @type {any} */ vote) =>
    PREFIX + JSON.stringify([vote.question, vote.article ?? "", vote.start ?? 0]);

  function read(/** @type {string} */ key) {
    try {
      return JSON.parse(localStorage.getItem(key) || "null");
    } catch {
      return null;
    }
  }

  /** Two buttons that say whether something is right; pressing one again takes the vote back. */
  function voting(/** @type {any} */ vote, /** @type {string} */ yes, /** @type {string} */ no) {
    const key = keyOf(vote);
    const pair = [
      [true, yes, "M7 10v11H3V10zM9 21V10l4-8 2 1v6h6l-2 12z"],
      [false, no, "M7 14V3H3v11zM9 3v11l4 8 2-1v-6h6L19 3z"],
    ].map(([isRight, label, path]) => {
      const made = qa.button("", "qa-vote");
      made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;
      Object.assign(made, { title: label });
      made.setAttribute("aria-label", String(label));
      made.addEventListener("click", () => {
        const isTaken = read(key)?.right === isRight;
        try {
          if (isTaken) localStorage.removeItem(key);
          else localStorage.setItem(key, JSON.stringify({ ...vote, right: isRight }));
        } catch {
          qa.talk.tell(say("This browser has no room to keep the vote."));
        }
        show();
      });
      return made;
    });
    function show() {
      const right = read(key)?.right;
      pair[0].setAttribute("aria-pressed", String(right === true));
      pair[1].setAttribute("aria-pressed", String(right === false));
    }
    show();
    return make("span", { className: "qa-votes" }, ...pair);
  }

  /** Add to an answer on the screen what can be done with it. */
  function dress(/** @type {HTMLElement} */ reply, /** @type {any} */ turn) {
    const { searched, quotes = [], nearest = [], status } = turn.answer;
    const shown = [...quotes, ...nearest];
    for (const actions of reply.querySelectorAll(".qa-card .qa-actions")) {
      const id = actions.querySelector(".qa-copy")?.id || "";
      const quote = shown[Number(id.split("-").pop())];
      if (!quote || status === "no_question") continue;
      const words = quote.answer || quote;
      const vote = {
        question: searched,
        article: quote.article.id,
        sha256: quote.article.sha256,
        start: words.start,
        end: words.end,
      };
      actions.append(voting(vote, say("This answers it"), say("This does not answer it")));
    }
    const answer = reply.querySelector(".qa-answer");
    if (!answer || status === "no_question") return;
    const bar = make("div", { className: "qa-actions qa-whole" });
    bar.append(
      qa.button(say("Copy the answer"), "qa-copy-all", (/** @type {any} */ event) =>
        qa.copy(toText(reply, turn.question), event.currentTarget),
      ),
    );
    const article = nearest[0]?.article.id;
    if (["unanswered", "off_topic"].includes(status) && article)
      bar.append(
        voting(
          { question: searched, silent: article },
          say("Right: the articles do not answer it"),
          say("Wrong: the articles answer it"),
        ),
      );
    const how = answer.querySelector(":scope > .qa-how");
    if (how) how.before(bar);
    else answer.append(bar);
  }

  const votes = () =>
    Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX))
      .sort()
      .map(read)
      .filter(Boolean);

  /** Two files that `qa eval` reads from one folder. */
  async function saveVotes() {
    try {
      const made = await qa.server.call("page_votes", { votes: votes() });
      qa.save(made.questions, "questions.jsonl", "application/jsonl");
      qa.save(made.articles, "articles.jsonl", "application/jsonl");
    } catch (error) {
      qa.talk.tell(/** @type {Error} */ (error).message);
    }
  }

  qa.on("qa-copy", (/** @type {any} */ button) =>
    qa.copy(qa.within(button, ".qa-card").querySelector(".qa-cite").textContent, button),
  );
  return { dress, saveVotes, countVotes: () => votes().length };
})();
