// Behaviour of the page: what buttons in quotes do, and where the eye is led. What a button refers
// to stands as JSON in a hidden element beside it. The source panel and the list of articles hand
// in their means to call the server.
window.qa = (() => {
  const within = (target, name) => (target.closest ? target.closest(name) : null);
  let element, trigger;
  let opener = null;
  let anchor = null;

  // Where a panel covers the conversation, what it covers can be neither clicked nor reached by
  // keyboard.
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

  function setAddress(reference) {
    const address = new URL(location.href);
    for (const name of ["article", "start", "end"]) {
      if (reference && reference[name] !== undefined)
        address.searchParams.set(name, reference[name]);
      else address.searchParams.delete(name);
    }
    history.replaceState(history.state, "", address);
  }

  function close() {
    if (!document.body.classList.contains("qa-reading")) return;
    document.body.classList.remove("qa-reading");
    settle();
    setAddress(null);
    if (opener && opener.isConnected) opener.focus();
    else document.querySelector("#question textarea")?.focus();
  }

  function reveal() {
    const section = element.querySelector(".qa-source");
    if (!section) return;
    document.body.classList.add("qa-reading");
    settle();
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
      hit.focus({ preventScroll: true });
    } else {
      scroll.scrollTop = 0;
      scroll.focus({ preventScroll: true });
    }
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
    dialog.innerHTML = `<form method="dialog"><h2 id="qa-dialog-title">Remove this article?</h2>
    <p dir="auto"></p>
    <p>It will no longer be quoted. Its file is kept in the folder of removed articles.</p>
    <div><button value="">Keep</button>
    <button value="remove" class="qa-danger">Remove</button></div>
    </form>`;
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
      trigger("example", { question: button.textContent });
    else if (button?.classList.contains("qa-alone"))
      trigger("example", { question: button.nextElementSibling.textContent, alone: true });
    else {
      const words = within(event.target, ".qa-words");
      if (words && getSelection().isCollapsed)
        open(within(words, ".qa-card").querySelector(".qa-open"));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (document.body.classList.contains("qa-reading")) close();
      else if (document.body.classList.contains("qa-managing")) manage(false);
    }
  });

  // The question at the top of the view, its answer below.
  let asked = 0;
  function followConversation() {
    const questions = document.querySelectorAll(".qa-question");
    if (questions.length > asked)
      questions[questions.length - 1].scrollIntoView({ block: "start" });
    asked = questions.length;
  }

  // The chat component labels each message with its HTML, which a screen reader would read out.
  function dropLabels() {
    for (const message of document.querySelectorAll("#chat [data-testid][aria-label*='<']"))
      message.removeAttribute("aria-label");
  }

  new MutationObserver(() => {
    dropLabels();
    followConversation();
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["aria-label"],
  });

  return {
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
})();
