// Behaviour of the page: what buttons do, and where the eye is led. What a button refers to stands as JSON in a hidden
// element beside it. The source panel and the list of articles hand in their means to call the server.
Object.assign(
  window.qa,
  (() => {
    const { where, server } = qa;
    const store = qa.makeStore(localStorage, sessionStorage);
    const talk = qa.makeTalk(store, server);
    const within = (target, name) => (target.closest ? target.closest(name) : null);
    let element, trigger;
    let opener = null;
    const field = () => document.querySelector("#question textarea");
    let anchor = null;

    // Where a panel covers the conversation, what it covers can be neither clicked nor reached by keyboard.
    const narrow = matchMedia("(max-width: 68rem)");
    function settle() {
      const [isReading, isManaging] = ["qa-reading", "qa-managing"].map((name) =>
        document.body.classList.contains(name),
      );
      const [talk, articles] = ["talk", "articles"].map((id) => document.getElementById(id));
      if (talk) talk.inert = narrow.matches && (isReading || isManaging);
      if (articles) articles.inert = narrow.matches && isReading;
    }
    narrow.addEventListener("change", settle);

    function referenceOf(button) {
      const holder =
        button.parentElement.querySelector(":scope > .qa-ref") ||
        within(button, ".qa-card").querySelector(".qa-ref");
      return JSON.parse(holder.textContent);
    }

    function open(button) {
      const reference = referenceOf(button);
      if (!within(button, "#source")) opener = button;
      anchor = null;
      const scroll = element.querySelector(".qa-scroll");
      if (button.classList.contains("qa-earlier"))
        anchor = { bottom: scroll.scrollHeight - scroll.scrollTop };
      if (button.classList.contains("qa-later")) anchor = { top: scroll.scrollTop };
      setAddress(reference);
      trigger("show", reference);
    }

    // An article that is opened is a step in the browser's history: Back closes it.
    function setAddress(reference) {
      const address = new URL(location.href);
      for (const name of ["article", "start", "end"]) {
        if (reference && reference[name] !== undefined)
          address.searchParams.set(name, reference[name]);
        else address.searchParams.delete(name);
      }
      if (reference && !document.body.classList.contains("qa-reading"))
        history.pushState({ ...history.state, qa: "reading" }, "", address);
      else history.replaceState(history.state, "", address);
    }

    function close() {
      if (!document.body.classList.contains("qa-reading")) return;
      if (history.state?.qa === "reading") return history.back();
      setAddress(null);
      hide();
    }

    function hide() {
      document.body.classList.remove("qa-reading");
      settle();
      if (opener && opener.isConnected) opener.focus();
      else field()?.focus();
    }

    addEventListener("popstate", () => {
      drawWhere();
      const query = new URL(location.href).searchParams;
      if (!query.has("article")) {
        if (document.body.classList.contains("qa-reading")) hide();
        return;
      }
      const reference = { article: query.get("article") };
      for (const name of ["start", "end"])
        if (query.has(name)) reference[name] = Number(query.get(name));
      anchor = null;
      trigger("show", reference);
    });

    function reveal() {
      const section = element.querySelector(".qa-source");
      if (!section) return;
      document.body.classList.add("qa-reading");
      settle();
      drawSteps();
      drawWhere();
      const scroll = element.querySelector(".qa-scroll");
      if (!scroll) return section.querySelector(".qa-close").focus();
      const [sheet, box] = [".qa-page-view", ".qa-box"].map((name) => element.querySelector(name));
      if (box) {
        const below = box.getBoundingClientRect().top - sheet.getBoundingClientRect().top;
        sheet.scrollTop += below - sheet.clientHeight / 3;
      }
      const hit = element.querySelector("#hit");
      if (anchor) {
        scroll.scrollTop =
          anchor.bottom !== undefined ? scroll.scrollHeight - anchor.bottom : anchor.top;
        scroll.focus({ preventScroll: true });
      } else if (hit) {
        const room = scroll.getBoundingClientRect();
        const place = hit.getBoundingClientRect();
        scroll.scrollTop += place.top - room.top - Math.max(24, (room.height - place.height) / 3);
        const find = element.querySelector(".qa-find input");
        if (find?.value) find.focus({ preventScroll: true });
        else hit.focus({ preventScroll: true });
      } else if (element.querySelector(".qa-find input")?.value) {
        element.querySelector(".qa-find input").focus({ preventScroll: true });
      } else {
        scroll.scrollTop = 0;
        scroll.focus({ preventScroll: true });
      }
    }

    // -- quotes of the same answer, and words to find in the article ------------------------------

    /** The buttons that open the quotes of the answer that the open one is of. */
    function quotesBeside() {
      const answer =
        opener && opener.isConnected && opener.classList.contains("qa-open")
          ? within(opener, ".qa-answer")
          : null;
      return answer && within(opener, ".qa-card")
        ? [...answer.querySelectorAll(".qa-card .qa-open")]
        : [];
    }

    function drawSteps() {
      const steps = element.querySelector(".qa-steps");
      const all = quotesBeside();
      if (!steps || all.length < 2) return;
      const at = all.indexOf(within(opener, ".qa-card").querySelector(".qa-open"));
      steps.querySelector(".qa-count").textContent = `Quote ${at + 1} of ${all.length}`;
      steps.hidden = false;
    }

    function step(by) {
      const all = quotesBeside();
      if (!all.length) return;
      const at = all.indexOf(within(opener, ".qa-card").querySelector(".qa-open"));
      open(all[(at + by + all.length) % all.length]);
    }

    /** Show an occurrence of the words in the field; which of them, counted from 0. */
    function find(number) {
      const box = element.querySelector(".qa-find");
      const words = box.querySelector("input").value.trim();
      const reference = JSON.parse(box.querySelector(".qa-ref").textContent);
      anchor = null;
      trigger("show", words ? { ...reference, find: words, number } : reference);
    }

    // -- which articles are asked -----------------------------------------------------------------

    const titleOf = (id) => {
      const known = JSON.parse(store.recall("titles") || "{}");
      return known[id] || id;
    };

    function changeWhere(change) {
      const address = new URL(location.href);
      change(address);
      history.replaceState(history.state, "", address);
      drawWhere();
    }

    function askOnly(id, title) {
      store.remember(
        "titles",
        JSON.stringify({ ...JSON.parse(store.recall("titles") || "{}"), [id]: title }),
      );
      changeWhere((address) => where.add(address, "in", id));
      field()?.focus({ preventScroll: true });
    }

    const currentWhere = () => where.read(new URL(location.href).searchParams);

    function drawWhere() {
      const box = document.getElementById("where");
      if (!box) return;
      const query = new URL(location.href).searchParams;
      const chips = where.split(query).map(([name, value]) => {
        const words = where.describe(name, value, titleOf);
        const chip = document.createElement("button");
        Object.assign(chip, {
          type: "button",
          className: "qa-chip",
          title: "Take this condition away",
        });
        const label = Object.assign(document.createElement("bdi"), { textContent: words });
        const unseen = Object.assign(document.createElement("span"), {
          className: "qa-unseen",
          textContent: "Take away: ",
        });
        chip.append(
          unseen,
          label,
          Object.assign(document.createElement("span"), { textContent: " ×" }),
        );
        chip.lastChild.setAttribute("aria-hidden", "true");
        chip.addEventListener("click", () => {
          changeWhere((address) => where.drop(address, name, value));
          field()?.focus();
        });
        return chip;
      });
      const lead = Object.assign(document.createElement("span"), { textContent: "Ask only" });
      box.replaceChildren(...(chips.length ? [lead, ...chips] : []));
      box.hidden = !chips.length;
      const ids = query.getAll("in");
      for (const tick of document.querySelectorAll("#article-list .qa-tick"))
        tick.checked = ids.includes(tick.value);
      const only = element?.querySelector(".qa-ask-this");
      if (only) only.hidden = ids.includes(only.value);
    }

    function chooseWhere() {
      const query = new URL(location.href).searchParams;
      const fields = [
        ["author", "Author", "as the articles name them"],
        ["since", "From", "1931-05-02, 1931-05 or 1931"],
        ["until", "To", "the same"],
        ["language", "Language", "en, ar, fr …"],
        ["title", "Words in the title", ""],
      ];
      const dialog = openDialog(
        "qa-where-title",
        "Which articles?",
        "Ask only those that meet all of this. The list of articles has a box to tick for each.",
      );
      const form = dialog.querySelector("form");
      const rows = fields.map(([name, label, hint]) => {
        const row = Object.assign(document.createElement("label"), { textContent: label });
        row.append(
          Object.assign(document.createElement("input"), {
            name,
            value: query.get(name) || "",
            placeholder: hint,
          }),
        );
        return row;
      });
      form.querySelector("div").before(...rows);
      form.querySelector("div").innerHTML =
        '<button value="">Cancel</button><button value="all">All articles</button><button value="ask" class="qa-main">Use this</button>';
      dialog.addEventListener("close", () => {
        if (dialog.returnValue === "all") changeWhere((address) => where.clear(address));
        if (dialog.returnValue === "ask")
          changeWhere((address) => {
            for (const [name] of fields) {
              address.searchParams.delete(name);
              const value = form.elements[name].value.trim();
              if (value) where.add(address, name, value);
            }
          });
      });
      form.elements.author.focus();
    }

    // -- conversations that are kept ---------------------------------------------------------------

    function openDialog(id, title, words) {
      const dialog = document.createElement("dialog");
      dialog.className = "qa-dialog";
      dialog.setAttribute("aria-labelledby", id);
      dialog.innerHTML = `<form method="dialog"><h2 id="${id}"></h2><p></p><div><button value="" class="qa-main">Close</button></div></form>`;
      dialog.querySelector("h2").textContent = title;
      dialog.querySelector("p").textContent = words;
      const before = document.activeElement;
      dialog.addEventListener("close", () => {
        dialog.remove();
        if (before?.isConnected) before.focus();
      });
      document.body.append(dialog);
      dialog.showModal();
      return dialog;
    }

    function showConversations() {
      const dialog = openDialog(
        "qa-kept-title",
        "Conversations",
        "Kept in this browser, on this machine, and nowhere else.",
      );
      const list = Object.assign(document.createElement("ul"), { className: "qa-kept" });
      const forget = Object.assign(document.createElement("button"), {
        type: "button",
        className: "qa-danger",
        textContent: "Forget all",
      });
      dialog.querySelector("form > div").prepend(forget);
      dialog.querySelector("form > div").before(list);
      const button = (words, name, act) => {
        const made = Object.assign(document.createElement("button"), {
          type: "button",
          className: "qa-plain",
          textContent: words,
        });
        made.append(
          Object.assign(document.createElement("span"), {
            className: "qa-unseen",
            textContent: ` ${name}`,
          }),
        );
        made.addEventListener("click", act);
        return made;
      };
      function draw() {
        const all = store.list();
        forget.hidden = !all.length;
        list.replaceChildren(
          ...all.map(({ id, name, changed, turns }) => {
            const row = document.createElement("li");
            const title = Object.assign(document.createElement("button"), {
              type: "button",
              className: "qa-kept-name",
              dir: "auto",
              textContent: name,
            });
            if (id === talk.id) title.setAttribute("aria-current", "true");
            title.addEventListener("click", () => {
              dialog.close();
              talk.open(id);
            });
            const facts = Object.assign(document.createElement("p"), { className: "qa-meta" });
            facts.textContent = `${new Date(changed).toLocaleString()} · ${turns === 1 ? "1 question" : `${turns} questions`}`;
            const save = button("Export", name, () =>
              exportAs(
                "json",
                store
                  .load(id)
                  .turns.map((turn) => turn.answer)
                  .filter(Boolean),
              ),
            );
            const drop = button("Delete", name, () => {
              if (id === talk.id) talk.anew();
              store.remove(id);
              draw();
            });
            row.append(title, facts, save, drop);
            return row;
          }),
        );
        if (!all.length)
          list.append(Object.assign(document.createElement("li"), { textContent: "None yet." }));
      }
      forget.addEventListener("click", () => {
        if (forget.dataset.sure) {
          talk.anew();
          store.forgetAll();
          draw();
        } else Object.assign(forget, { textContent: "Really forget all?" }).dataset.sure = "1";
      });
      draw();
    }

    async function exportAs(kind, answers) {
      try {
        const { text } = await server.call("page_save", { kind, answers });
        qa.save(
          text,
          kind === "json" ? "conversation.json" : "conversation.md",
          kind === "json" ? "application/json" : "text/markdown",
        );
      } catch (error) {
        talk.tell(
          error instanceof qa.ServerLost
            ? "The server does not answer; the conversation is kept, save it later."
            : error.message,
        );
      }
    }

    // -- the line in which one writes --------------------------------------------------------------

    function fit(area) {
      area.style.height = "auto";
      area.style.height = `${Math.min(area.scrollHeight, 180)}px`;
    }

    function send() {
      const area = field();
      const most = Number(area.dataset.most);
      if (area.value.length > most)
        return talk.tell(
          `The question has ${area.value.length.toLocaleString()} characters: ask with at most ${most.toLocaleString()}.`,
        );
      talk.tell("");
      if (talk.ask(area.value, currentWhere())) {
        area.value = "";
        store.remember("draft", "");
        fit(area);
      }
    }

    function startComposer(holder) {
      const area = holder.querySelector("textarea");
      talk.setPassages(Number(area.dataset.passages));
      holder.querySelector("form").addEventListener("submit", (event) => {
        event.preventDefault();
        send();
      });
      area.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          send();
        } else if (event.key === "ArrowUp" && !area.value) {
          const asked = talk.questions();
          if (asked.length) {
            event.preventDefault();
            area.value = asked[asked.length - 1];
            fit(area);
          }
        }
      });
      area.addEventListener("input", () => {
        store.remember("draft", area.value);
        fit(area);
      });
      area.value = store.recall("draft");
      fit(area);
      const actions = {
        anew: () => talk.anew(),
        "stop-asking": () => talk.stop(),
        "choose-where": chooseWhere,
        "save-markdown": () => exportAs("markdown", talk.answers()),
        "save-json": () => exportAs("json", talk.answers()),
      };
      for (const [id, act] of Object.entries(actions))
        holder.querySelector(`#${id}`).addEventListener("click", () => {
          act();
          if (id === "anew" || id === "stop-asking") area.focus();
        });
      drawWhere();
      start();
      if (!new URL(location.href).searchParams.has("article")) area.focus();
    }

    // Both parts have to be there before a conversation is drawn; which comes first is Gradio's affair.
    function start() {
      if (!document.querySelector("#chat .message-wrap") || !field() || start.done) return;
      start.done = true;
      const current = store.recall("current");
      if (!current || !talk.open(current)) talk.settle();
    }

    async function copy(text, button) {
      let done = false;
      try {
        await navigator.clipboard.writeText(text);
        done = true;
      } catch {
        // Without https a browser has no clipboard to give; the old way still works.
        const area = Object.assign(document.createElement("textarea"), {
          value: text,
          className: "qa-unseen",
        });
        body.append(area);
        area.select();
        done = document.execCommand("copy");
        area.remove();
        button.focus();
      }
      const label = button.dataset.label || button.textContent;
      button.dataset.label = label;
      button.textContent = done ? "Copied" : "Not copied";
      clearTimeout(button.qaTimer);
      button.qaTimer = setTimeout(() => (button.textContent = label), 1600);
    }

    function manage(on) {
      document.body.classList.toggle("qa-managing", on);
      settle();
      const toggle = document.querySelector(".qa-toggle");
      toggle?.setAttribute("aria-expanded", String(on));
      if (on) document.querySelector("#articles h2").focus();
      else toggle?.focus();
    }

    function confirmRemoval(button, remove) {
      const [id, title] = [".qa-ref", ".qa-name"].map(
        (name) => button.closest("li").querySelector(name).textContent,
      );
      const dialog = document.createElement("dialog");
      dialog.className = "qa-dialog";
      dialog.setAttribute("aria-labelledby", "qa-dialog-title");
      dialog.innerHTML = `<form method="dialog"><h2 id="qa-dialog-title">Remove this article?</h2><p dir="auto"></p>
    <p>It will no longer be quoted. Its file is kept in the folder of removed articles.</p>
    <div><button value="">Keep</button><button value="remove" class="qa-danger">Remove</button></div></form>`;
      dialog.querySelector("p").textContent = title;
      dialog.addEventListener("close", () => {
        if (dialog.returnValue === "remove") remove(JSON.parse(id).article);
        dialog.remove();
        if (button.isConnected) button.focus();
      });
      document.body.append(dialog);
      dialog.showModal();
    }

    document.addEventListener("click", (event) => {
      const button = within(event.target, "button");
      if (event.target.id === "desk" && narrow.matches) manage(false);
      if (button?.classList.contains("qa-open")) open(button);
      else if (button?.classList.contains("qa-copy"))
        copy(within(button, ".qa-card").querySelector(".qa-cite").textContent, button);
      else if (button?.classList.contains("qa-link")) copy(location.href, button);
      else if (button?.classList.contains("qa-close")) close();
      else if (button?.classList.contains("qa-toggle"))
        manage(!document.body.classList.contains("qa-managing"));
      else if (button?.classList.contains("qa-toggle-off")) manage(false);
      else if (button?.classList.contains("qa-example"))
        talk.ask(button.textContent, currentWhere());
      else if (button?.classList.contains("qa-alone"))
        talk.ask(button.nextElementSibling.textContent, currentWhere(), true);
      else if (button?.classList.contains("qa-again")) talk.again(Number(button.dataset.turn));
      else if (button?.classList.contains("qa-everywhere"))
        talk.again(Number(button.dataset.turn), {});
      else if (button?.classList.contains("qa-history")) showConversations();
      else if (button?.classList.contains("qa-next")) step(1);
      else if (button?.classList.contains("qa-previous")) step(-1);
      else if (button?.classList.contains("qa-find-next")) find(Number(button.value) + 1);
      else if (button?.classList.contains("qa-find-previous")) find(Number(button.value) - 1);
      else if (button?.classList.contains("qa-print")) print();
      else if (button?.classList.contains("qa-ask-this"))
        askOnly(button.value, element.querySelector("#source-title").textContent);
      else if (event.target.classList?.contains("qa-tick")) {
        const { value, checked } = event.target;
        if (checked)
          askOnly(value, within(event.target, "li").querySelector(".qa-name").textContent);
        else changeWhere((address) => where.drop(address, "in", value));
      } else {
        const words = within(event.target, ".qa-words");
        if (words && getSelection().isCollapsed)
          open(within(words, ".qa-card").querySelector(".qa-open"));
      }
    });

    document.addEventListener("keydown", (event) => {
      const isTyping = within(event.target, "input, textarea, select, [contenteditable]");
      if (event.key === "Enter" && within(event.target, ".qa-find")) {
        event.preventDefault();
        const shown = element.querySelector(".qa-find-next");
        const same = shown && shown.dataset?.words === event.target.value.trim();
        find(same ? Number(shown.value) + (event.shiftKey ? -1 : 1) : 0);
      } else if (event.key === "/" && !isTyping && !document.querySelector("dialog[open]")) {
        event.preventDefault();
        field()?.focus();
      }
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
        if (document.body.classList.contains("qa-reading")) close();
        else if (document.body.classList.contains("qa-managing")) manage(false);
      }
    });

    // The list of articles is made anew by the server; what is ticked stands in the address.
    new MutationObserver((changes) => {
      if (changes.some(({ target }) => target.closest?.("#article-list"))) drawWhere();
    }).observe(document, { subtree: true, childList: true });

    return {
      startComposer,
      startTalk: start,
      attach(panel, call, watch) {
        [element, trigger] = [panel, call];
        watch("value", reveal);
        reveal();
      },
      attachList(list, remove) {
        list.addEventListener("click", (event) => {
          const button = within(event.target, ".qa-remove");
          if (button) confirmRemoval(button, remove);
        });
      },
      save(text, name, type) {
        const link = Object.assign(document.createElement("a"), {
          href: URL.createObjectURL(new Blob([text], { type })),
          download: name,
        });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      },
    };
  })(),
);
