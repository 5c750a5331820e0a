// @ts-check
// Conversations that are kept in this browser: the list of them, and files made of them.

qa.kept = (() => {
  const { make, say } = qa;

  async function exportAs(/** @type {string} */ kind, /** @type {any[]} */ answers) {
    const isJson = kind === "json";
    try {
      const { text } = await qa.server.call("page_save", { kind, answers });
      if (isJson) qa.save(text, "conversation.json", "application/json");
      else qa.save(text, "conversation.md", "text/markdown");
    } catch (error) {
      const words = say("The server does not answer; the conversation is kept, save it later.");
      qa.talk.tell(error instanceof qa.ServerLost ? words : /** @type {Error} */ (error).message);
    }
  }

  function show() {
    const dialog = qa.openDialog(
      "qa-kept-title",
      say("Conversations"),
      say("Kept in this browser, on this machine, and nowhere else."),
    );
    const list = make("ul", { className: "qa-kept" });
    const forget = qa.button(say("Forget all"), "qa-danger");
    const votes = qa.button(say("Save votes as questions.jsonl"), "", () => qa.cards.saveVotes());
    const last = dialog.querySelector("form > div");
    last.prepend(votes, forget);
    last.before(list);

    function draw() {
      const all = qa.store.list();
      votes.hidden = !qa.cards.countVotes();
      forget.hidden = !all.length && votes.hidden;
      list.replaceChildren(...all.map(drawRow));
      if (!all.length) list.append(make("li", { textContent: say("None yet.") }));
    }

    function drawRow(/** @type {any} */ { id, name, changed, turns }) {
      const named = (/** @type {string} */ words, /** @type {() => void} */ act) => {
        const made = qa.button(words, "qa-plain", act);
        made.append(make("span", { className: "qa-unseen", textContent: ` ${name}` }));
        return made;
      };
      const title = qa.button(name, "qa-kept-name", () => {
        dialog.querySelector("form").requestSubmit(); // closes it at once
        qa.talk.open(id);
      });
      title.dir = "auto";
      if (id === qa.talk.id) title.setAttribute("aria-current", "true");
      const count = turns === 1 ? say("1 question") : say("{count} questions", { count: turns });
      const facts = make("p", {
        className: "qa-meta",
        textContent: `${new Date(changed).toLocaleString(qa.language)} · ${count}`,
      });
      const answers = () =>
        qa.store
          .load(id)
          .turns.map((/** @type {any} */ turn) => turn.answer)
          .filter(Boolean);
      const save = named(say("Export"), () => exportAs("json", answers()));
      const drop = named(say("Delete"), () => {
        if (id === qa.talk.id) qa.talk.anew();
        qa.store.remove(id);
        draw();
      });
      return make("li", {}, title, facts, save, drop);
    }

    forget.addEventListener("click", () => {
      if (!forget.dataset.sure) {
        forget.dataset.sure = "1";
        forget.textContent = say("Really forget all?");
        return;
      }
      qa.talk.anew();
      qa.store.forgetAll();
      draw();
    });
    draw();
  }

  qa.on("qa-history", show);
  return { exportAs };
})();
