// @ts-check
// What every other module uses: the page's words, elements, dialogs, the clipboard, and which
// button does what.

/** @type {any} */
var qa = window["qa"] || {};
window["qa"] = qa;

// The first language of the browser's that the page speaks; its table comes before this module.
(() => {
  const spoken = ["en", ...Object.keys(qa.tables || {})];
  const wanted = navigator.languages.map((name) => name.toLowerCase().split("-")[0]);
  const code = wanted.find((name) => spoken.includes(name)) || "en";
  qa.words = qa.tables?.[code];
  qa.language = `${code}-u-nu-latn`; // as the server writes numbers
  document.documentElement.lang = code;
  document.documentElement.dir = code === "ar" ? "rtl" : "ltr";
})();

/** Words in the page's language, `{name}` filled in from `values`. */
qa.say = (/** @type {string} */ words, /** @type {Object<string, any>} */ values = {}) =>
  (qa.words?.[words] || words).replace(
    /\{(\w+)\}/g,
    (/** @type {string} */ all, /** @type {string} */ name) =>
      name in values ? String(values[name]) : all,
  );

/** Put the words of a part of the page that was made before anybody's language was known. */
qa.translate = (/** @type {Element | null} */ part) => {
  if (!qa.words || !part) return;
  const own = (/** @type {string} */ words) => qa.words[words.trim()];
  const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode())
    if (own(node.textContent || "")) node.textContent = own(node.textContent || "");
  for (const element of [part, ...part.querySelectorAll("*")])
    for (const name of ["aria-label", "placeholder", "title"]) {
      const words = own(element.getAttribute(name) || "");
      if (words) element.setAttribute(name, words);
    }
};

/** An element with properties and children; `null` children are left out. */
qa.make = (
  /** @type {string} */ name,
  /** @type {Object<string, any>} */ properties = {},
  /** @type {any[]} */ ...children
) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties))
    if (key in made) /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
};

/** The element, or the one it is in, that a selector names. */
qa.within = (/** @type {any} */ target, /** @type {string} */ name) =>
  target?.closest ? target.closest(name) : null;

qa.button = (
  /** @type {string} */ words,
  /** @type {string} */ name,
  /** @type {((event: Event) => void) | null} */ act = null,
) => {
  const made = qa.make("button", { type: "button", className: name, textContent: words });
  if (act) made.addEventListener("click", act);
  return made;
};

/** A dialog with a heading, a line, and a form for what else is to be in it; it is open. Its form's
 *  "submit" names the button that was pressed, and finds the dialog gone. */
qa.openDialog = (
  /** @type {string} */ id,
  /** @type {string} */ title,
  /** @type {string} */ words,
) => {
  const heading = qa.make("h2", { id, textContent: title });
  const close = qa.make("button", {
    value: "",
    className: "qa-main",
    textContent: qa.say("Close"),
  });
  const form = qa.make(
    "form",
    { method: "dialog" },
    heading,
    qa.make("p", { textContent: words }),
    qa.make("div", {}, close),
  );
  const dialog = qa.make("dialog", { className: "qa-dialog", "aria-labelledby": id }, form);
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  function end() {
    if (!dialog.isConnected) return;
    dialog.remove();
    if (before?.isConnected) before.focus();
  }
  // A browser tells of "close" some time after the button: what is typed meanwhile would be lost.
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    end();
  });
  dialog.addEventListener("close", end);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
};

/** Put text on the clipboard; the button says for a moment whether that went well. */
qa.copy = async (/** @type {string} */ text, /** @type {any} */ button) => {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    // Without https a browser has no clipboard to give; the old way still works.
    const area = qa.make("textarea", { value: text, className: "qa-unseen" });
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  button.textContent = qa.say(done ? "Copied" : "Not copied");
  clearTimeout(button.qaTimer);
  button.qaTimer = setTimeout(() => (button.textContent = label), 1600);
};

/** Hand a text to the browser as a file to keep. */
qa.save = (/** @type {string} */ text, /** @type {string} */ name, /** @type {string} */ type) => {
  const link = qa.make("a", {
    href: URL.createObjectURL(new Blob([text], { type })),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// What a click on an element of a class does; the server's HTML only has to name the class.
qa.acts = {};
qa.on = (/** @type {string} */ name, /** @type {(button: any, event: Event) => void} */ act) => {
  qa.acts[name] = act;
};
document.addEventListener("click", (event) => {
  const button = qa.within(event.target, "button, input[type=checkbox]");
  for (const name of button?.classList || []) if (qa.acts[name]) qa.acts[name](button, event);
});
