// @ts-check
// The article beside the conversation: opening and closing it, going from quote to quote, finding
// words in it. What a button refers to stands as JSON in a hidden element beside it.

qa.reading = (() => {
  const { within, say } = qa;
  /** @type {any} */
  let element;
  /** @type {(name: string, data: any) => void} */
  let trigger;
  /** @type {any} */
  let opener = null; // the button outside the panel that opened it
  /** @type {any} */
  let anchor = null; // where to scroll to, unless it is to the mark
  /** @type {string | null} */
  let typed = null; // words written into the field since words were last looked for
  let keepsFocus = false; // whether the article came by itself, while a person writes

  const isOpen = () => document.body.classList.contains("qa-reading");

  // Where a panel covers the conversation, what it covers can be neither clicked nor reached by
  // keyboard.
  const narrow = matchMedia("(max-width: 68rem)");
  function settle() {
    const isManaging = document.body.classList.contains("qa-managing");
    const [talk, articles] = ["talk", "articles"].map((id) => document.getElementById(id));
    if (talk) talk.inert = narrow.matches && (isOpen() || isManaging);
    if (articles) articles.inert = narrow.matches && isOpen();
    // Then its heading is the first that there is.
    const head = articles?.querySelector("h2");
    head?.setAttribute("role", "heading");
    head?.setAttribute("aria-level", narrow.matches && isManaging ? "1" : "2");
  }
  narrow.addEventListener("change", settle);

  function referenceOf(/** @type {any} */ button) {
    const holder =
      button.parentElement.querySelector(":scope > .qa-ref") ||
      within(button, ".qa-card").querySelector(".qa-ref");
    return JSON.parse(holder.textContent);
  }

  function open(/** @type {any} */ button, quietly = false) {
    const reference = referenceOf(button);
    if (!within(button, "#source")) opener = button;
    keepsFocus = quietly;
    anchor = typed = null;
    const scroll = element.querySelector(".qa-scroll");
    if (button.classList.contains("qa-earlier"))
      anchor = { bottom: scroll.scrollHeight - scroll.scrollTop };
    if (button.classList.contains("qa-later")) anchor = { top: scroll.scrollTop };
    setAddress(reference);
    trigger("show", reference);
  }

  // An article that is opened is a step in the browser's history: Back closes it.
  function setAddress(/** @type {any} */ reference) {
    const address = new URL(location.href);
    for (const name of ["article", "start", "end"]) {
      if (reference && reference[name] !== undefined)
        address.searchParams.set(name, reference[name]);
      else address.searchParams.delete(name);
    }
    const isStep = isOpen() || history.state?.qa === "reading"; // or it is on its way
    if (reference && !isStep) history.pushState({ ...history.state, qa: "reading" }, "", address);
    else history.replaceState(history.state, "", address);
  }

  /** Close the article, or leave one that is on its way; whether there was one. */
  function close() {
    const isStep = history.state?.qa === "reading";
    if (!isOpen() && !isStep) return false;
    if (isStep) history.back();
    else {
      setAddress(null);
      hide();
    }
    return true;
  }

  function hide() {
    document.body.classList.remove("qa-reading");
    settle();
    if (opener && opener.isConnected) opener.focus();
    else qa.composer.focus();
  }

  /** Close what covers the question. */
  function makeRoom() {
    if (!narrow.matches) return;
    opener = null;
    close();
  }

  addEventListener("popstate", () => {
    qa.chosen.carry();
    const query = new URL(location.href).searchParams;
    if (!query.has("article")) return isOpen() ? hide() : undefined;
    /** @type {any} */
    const reference = { article: query.get("article") };
    for (const name of ["start", "end"])
      if (query.has(name)) reference[name] = Number(query.get(name));
    anchor = typed = null;
    trigger("show", reference);
  });

  /** Show what the server has put into the panel. */
  function reveal() {
    const section = element.querySelector(".qa-source");
    if (!section) return;
    if (!new URL(location.href).searchParams.has("article")) return; // closed before it came
    document.body.classList.add("qa-reading");
    settle();
    drawSteps();
    qa.chosen.draw();
    const writes = within(document.activeElement, "textarea, input");
    if (writes && !element.contains(writes)) keepsFocus = true;
    const focus = (/** @type {HTMLElement} */ target) => {
      if (!keepsFocus) target.focus({ preventScroll: true });
      keepsFocus = false;
    };
    const scroll = element.querySelector(".qa-scroll");
    if (!scroll) return focus(section.querySelector(".qa-close"));
    qa.help?.offerExamples(section);
    const [sheet, box] = [".qa-page-view", ".qa-box"].map((name) => element.querySelector(name));
    if (box) {
      const below = box.getBoundingClientRect().top - sheet.getBoundingClientRect().top;
      sheet.scrollTop += below - sheet.clientHeight / 3;
    }
    const hit = element.querySelector("#hit");
    const words = element.querySelector(".qa-find input");
    if (words && typed !== null) words.value = typed;
    if (anchor) {
      scroll.scrollTop =
        anchor.bottom !== undefined ? scroll.scrollHeight - anchor.bottom : anchor.top;
      focus(scroll);
    } else if (hit) {
      const room = scroll.getBoundingClientRect();
      const place = hit.getBoundingClientRect();
      scroll.scrollTop += place.top - room.top - Math.max(24, (room.height - place.height) / 3);
      focus(words?.value ? words : hit);
    } else {
      if (!words?.value) scroll.scrollTop = 0;
      focus(words?.value ? words : scroll);
    }
  }

  // -- quotes of the same answer, and words to find in the article ----------------------------

  /** The buttons that open the quotes of the answer that the open one is of. */
  function quotesBeside() {
    const isShown = opener && opener.isConnected && within(opener, ".qa-card");
    return isShown ? [...within(opener, ".qa-answer").querySelectorAll(".qa-card .qa-show")] : [];
  }

  const current = (/** @type {any[]} */ all) =>
    all.indexOf(within(opener, ".qa-card").querySelector(".qa-show"));

  function drawSteps() {
    const steps = element.querySelector(".qa-steps");
    const all = quotesBeside();
    for (const card of document.querySelectorAll(".qa-card.qa-shown"))
      card.classList.remove("qa-shown");
    if (all.length) within(opener, ".qa-card").classList.add("qa-shown");
    if (!steps || all.length < 2) return;
    const values = { number: current(all) + 1, all: all.length };
    steps.querySelector(".qa-count").textContent = say("Quote {number} of {all}", values);
    steps.hidden = false;
  }

  function step(/** @type {number} */ by) {
    const all = quotesBeside();
    if (all.length) open(all[(current(all) + by + all.length) % all.length]);
  }

  /** Show an occurrence of the words in the field; which of them, counted from 0. */
  function find(/** @type {number} */ number) {
    const box = element.querySelector(".qa-find");
    const words = box.querySelector("input").value.trim();
    const reference = JSON.parse(box.querySelector(".qa-ref").textContent);
    anchor = typed = null;
    trigger("show", words ? { ...reference, find: words, number } : reference);
  }

  // An open article follows the newest answer, where there is room for both.
  document.addEventListener("qa-answered", (event) => {
    const { n } = /** @type {CustomEvent} */ (event).detail;
    if (!isOpen() || narrow.matches) return;
    const answer = document.querySelector(`[data-turn="${n}"] .qa-answer:not(.qa-silent)`);
    const first = answer?.querySelector(".qa-card .qa-show");
    if (first) open(first, true);
  });

  qa.on("qa-open", (/** @type {any} */ button) => open(button));
  qa.on("qa-link", (/** @type {any} */ button) => qa.copy(location.href, button));
  qa.on("qa-close", close);
  qa.on("qa-next", () => step(1));
  qa.on("qa-previous", () => step(-1));
  qa.on("qa-find-next", (/** @type {any} */ button) => find(Number(button.value) + 1));
  qa.on("qa-find-previous", (/** @type {any} */ button) => find(Number(button.value) - 1));
  qa.on("qa-print", () => print());
  document.addEventListener("click", (event) => {
    const words = within(event.target, ".qa-words");
    if (words && !within(event.target, "button") && getSelection()?.isCollapsed)
      open(within(words, ".qa-card").querySelector(".qa-show"));
  });
  document.addEventListener("input", (event) => {
    const field = within(event.target, ".qa-find input");
    if (field) typed = field.value;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !within(event.target, ".qa-find input")) return;
    event.preventDefault();
    const shown = element.querySelector(".qa-find-next");
    const words = /** @type {HTMLInputElement} */ (event.target).value.trim();
    const isSame = shown && shown.dataset?.words === words;
    find(isSame ? Number(shown.value) + (event.shiftKey ? -1 : 1) : 0);
  });

  return {
    close,
    makeRoom,
    isOpen,
    settle,
    step,
    attach(/** @type {any} */ panel, /** @type {any} */ call, /** @type {any} */ watch) {
      [element, trigger] = [panel, call];
      watch("value", reveal);
      reveal();
    },
  };
})();
qa.attach = qa.reading.attach;
