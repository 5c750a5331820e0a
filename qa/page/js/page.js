// @ts-check
// What the page as a whole does: the panel of articles, keys that work everywhere, the start.

(() => {
  const { within } = qa;

  function manage(/** @type {boolean} */ on) {
    document.body.classList.toggle("qa-managing", on);
    qa.reading.settle();
    const toggle = /** @type {HTMLElement | null} */ (document.querySelector(".qa-toggle"));
    toggle?.setAttribute("aria-expanded", String(on));
    const head = /** @type {HTMLElement | null} */ (document.querySelector("#articles h2"));
    (on ? head : toggle)?.focus();
  }
  const isManaging = () => document.body.classList.contains("qa-managing");

  qa.on("qa-toggle", () => manage(!isManaging()));
  qa.on("qa-toggle-off", () => manage(false));
  qa.on("qa-to-articles", () => manage(true));
  document.addEventListener("click", (event) => {
    const isBeside = /** @type {any} */ (event.target).id === "desk";
    if (isBeside && matchMedia("(max-width: 68rem)").matches) manage(false);
  });

  const ask = (/** @type {string} */ question, isAlone = false) =>
    qa.talk.ask(question, qa.chosen.current(), isAlone);
  qa.on("qa-example", (/** @type {any} */ button) => ask(button.textContent));
  qa.on("qa-alone", (/** @type {any} */ button) =>
    ask(button.nextElementSibling.textContent, true),
  );
  qa.on("qa-again", (/** @type {any} */ button) => qa.talk.again(Number(button.dataset.turn)));
  qa.on("qa-everywhere", (/** @type {any} */ button) =>
    qa.talk.again(Number(button.dataset.turn), {}),
  );

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      const words = /** @type {any} */ (document.querySelector("#source .qa-find input"));
      // Of a long article only a part is on the page, so the browser's own search is of no use.
      if (event.key !== "f" || !qa.reading.isOpen() || !words || document.activeElement === words)
        return;
      event.preventDefault();
      words.focus();
      words.select();
      return;
    }
    if (event.key === "Escape" && !qa.reading.close() && isManaging()) manage(false);
    if (within(event.target, "input, textarea, select, [contenteditable]")) return;
    if (event.key === "/") {
      event.preventDefault();
      qa.composer.focus();
    } else if (event.key === "?") qa.help.show();
    else if (qa.reading.isOpen() && (event.key === "n" || event.key === "p"))
      qa.reading.step(event.key === "n" ? 1 : -1);
  });

  // Both parts have to be there before a conversation is drawn; which comes first is Gradio's
  // affair.
  let isStarted = false;
  qa.startTalk = () => {
    const log = document.querySelector("#chat .message-wrap");
    if (!log || !qa.composer.isThere() || isStarted) return;
    isStarted = true;
    // Not the rest: it is made for this browser, and holds words of articles.
    for (const id of ["articles-head", "add", "composer", "chat", "header"])
      qa.translate(document.getElementById(id));
    qa.adding.start();
    const current = qa.store.recall("current");
    if (!current || !qa.talk.open(current)) qa.talk.settle();
  };
})();
