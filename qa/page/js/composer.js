// @ts-check
// The line in which a question is written, and the buttons under it.

qa.composer = (() => {
  const { say } = qa;
  /** @type {HTMLTextAreaElement | null} */
  let area = null;
  let recalled = 0; // how many questions back Up has gone

  const focus = () => area?.focus({ preventScroll: true });

  function fit() {
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 180)}px`;
  }

  function write(/** @type {string} */ words) {
    if (!area) return;
    area.value = words;
    qa.store.remember("draft", words);
    fit();
  }

  function send() {
    if (!area) return;
    const most = Number(area.dataset.most);
    const [count, limit] = [area.value.length, most].map((n) => n.toLocaleString(qa.language));
    if (area.value.length > most) {
      const words = "The question has {count} characters: ask with at most {limit}.";
      return qa.talk.tell(say(words, { count, limit }));
    }
    qa.talk.tell("");
    recalled = 0;
    if (qa.talk.ask(area.value, qa.chosen.current())) write("");
  }

  /** Up brings back what was asked before, Down what was asked after that. */
  function recall(/** @type {KeyboardEvent} */ event) {
    const asked = qa.talk.questions();
    const isEarlier = event.key === "ArrowUp";
    const isRecalled = recalled && area?.value === asked[asked.length - recalled];
    if (!area || (area.value && !isRecalled)) return;
    const to = (isRecalled ? recalled : 0) + (isEarlier ? 1 : -1);
    if (to < 0 || to > asked.length) return;
    event.preventDefault();
    recalled = to;
    write(to ? asked[asked.length - to] : "");
  }

  function attach(/** @type {HTMLElement} */ holder) {
    area = holder.querySelector("textarea");
    if (!area) return;
    qa.talk.setPassages(Number(area.dataset.passages));
    holder.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      } else if (event.key === "ArrowUp" || event.key === "ArrowDown") recall(event);
    });
    area.addEventListener("input", () => write(area?.value || ""));
    write(qa.store.recall("draft"));
    /** @type {Object<string, () => void>} */
    const actions = {
      anew: () => qa.talk.anew(),
      "stop-asking": () => qa.talk.stop(),
      "choose-where": qa.chosen.choose,
      "save-markdown": () => qa.kept.exportAs("markdown", qa.talk.answers()),
      "save-json": () => qa.kept.exportAs("json", qa.talk.answers()),
    };
    for (const [id, act] of Object.entries(actions))
      holder.querySelector(`#${id}`)?.addEventListener("click", () => {
        act();
        if (id === "anew" || id === "stop-asking") focus();
      });
    qa.chosen.draw();
    qa.startTalk();
    if (!new URL(location.href).searchParams.has("article")) focus();
  }

  return { attach, focus, write, isThere: () => Boolean(area) };
})();
qa.startComposer = qa.composer.attach;
