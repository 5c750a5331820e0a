// @ts-check
// Which articles are asked: chips above the question, boxes in the list, a dialog; see `where.js`.

qa.chosen = (() => {
  const { where, make, say, button } = qa;

  const titles = () => JSON.parse(qa.store.recall("titles") || "{}");
  function titleOf(/** @type {string} */ id) {
    const ticks = [...document.querySelectorAll("#article-list .qa-tick")];
    const tick = ticks.find((/** @type {any} */ one) => one.value === id);
    const listed = qa.within(tick, "li")?.querySelector(".qa-name").textContent;
    return listed || titles()[id] || id;
  }
  const query = () => new URL(location.href).searchParams;
  let kept = where.split(query());

  function change(/** @type {(address: URL) => void} */ how) {
    const address = new URL(location.href);
    how(address);
    history.replaceState(history.state, "", address);
    kept = where.split(address.searchParams);
    draw();
  }

  /** What was chosen while an article was open stays when Back closes it. */
  function carry() {
    change((address) => {
      where.clear(address);
      for (const [name, value] of kept) where.add(address, name, value);
    });
  }

  function askOnly(/** @type {string} */ id, /** @type {string} */ title) {
    qa.store.remember("titles", JSON.stringify({ ...titles(), [id]: title }));
    change((address) => where.add(address, "in", id));
  }

  function draw() {
    const box = document.getElementById("where");
    if (!box) return;
    const ids = query().getAll("in");
    const chips = where.split(query()).map((/** @type {[string, string]} */ [name, value]) => {
      const chip = make(
        "button",
        { type: "button", className: "qa-chip", title: say("Take this condition away") },
        make("span", { className: "qa-unseen", textContent: say("Take away:") + " " }),
        make("bdi", { textContent: where.describe(name, value, titleOf) }),
        make("span", { textContent: " ×", "aria-hidden": "true" }),
      );
      chip.addEventListener("click", () => {
        change((address) => where.drop(address, name, value));
        qa.composer.focus();
      });
      return chip;
    });
    const lead = make("span", { textContent: say("Ask only") });
    box.replaceChildren(...(chips.length ? [lead, ...chips] : []));
    box.hidden = !chips.length;
    for (const tick of /** @type {NodeListOf<HTMLInputElement>} */ (
      document.querySelectorAll("#article-list .qa-tick")
    ))
      tick.checked = ids.includes(tick.value);
    const only = /** @type {HTMLButtonElement | null} */ (
      document.querySelector("#source .qa-ask-this")
    );
    if (only) only.hidden = ids.includes(only.value);
  }

  function choose() {
    const given = query();
    const fields = [
      ["author", say("Author"), say("as the articles name them")],
      ["since", say("From"), say("{example}, or less of it", { example: "1931-05-02" })],
      ["until", say("To"), say("the same")],
      ["language", say("Language"), "en, ar, fr …"],
      ["title", say("Words in the title"), ""],
    ];
    const dialog = qa.openDialog(
      "qa-where-title",
      say("Which articles?"),
      say("Ask only those that meet all of this. The list of articles has a box to tick for each."),
    );
    const form = dialog.querySelector("form");
    const rows = fields.map(([name, label, placeholder]) => {
      const row = make("label", { textContent: label });
      row.append(make("input", { name, value: given.get(name) || "", placeholder }));
      return row;
    });
    const last = form.querySelector("div");
    last.before(...rows);
    const choice = (/** @type {string} */ words, /** @type {string} */ value, name = "") =>
      make("button", { value, className: name, textContent: words });
    // The first is what Enter in a field presses.
    last.replaceChildren(
      choice(say("Use this"), "ask", "qa-main"),
      choice(say("All articles"), "all"),
      choice(say("Cancel"), ""),
    );
    form.addEventListener("submit", (/** @type {any} */ { submitter }) => {
      if (!submitter.value) return;
      change((address) => {
        if (submitter.value === "all") return where.clear(address);
        for (const [name] of fields) {
          address.searchParams.delete(name);
          const value = form.elements[name].value.trim();
          if (value) where.add(address, name, value);
        }
      });
      qa.composer.focus();
    });
    form.elements.author.focus();
  }

  qa.on("qa-ask-this", (/** @type {any} */ pressed) => {
    askOnly(pressed.value, document.querySelector("#source-title")?.textContent || "");
    qa.reading.makeRoom();
    qa.composer.focus();
  });
  qa.on("qa-tick", (/** @type {any} */ tick) => {
    const title = qa.within(tick, "li").querySelector(".qa-name").textContent;
    if (tick.checked) askOnly(tick.value, title);
    else change((address) => where.drop(address, "in", tick.value));
  });
  // The list of articles is made anew by the server; what is ticked stands in the address.
  new MutationObserver((changes) => {
    const isList = (/** @type {any} */ { target }) => target.closest?.("#article-list");
    if (changes.some(isList)) draw();
  }).observe(document, { subtree: true, childList: true });

  return { draw, carry, choose, change, current: () => where.read(query()), button };
})();
