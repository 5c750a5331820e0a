// @ts-check
// Adding and removing articles: a row for each, above the question, that stays until it is
// dismissed; then the index is built, and its progress is a row as well.

qa.adding = (() => {
  const { make, say } = qa;
  const LOOK_MS = 500;
  const MANY = 12; // files at once that each have a row
  /** @typedef {{ key: string, name: string, state: string, words?: string, id?: string,
   *    removed?: string, share?: number, file?: File }} Row */
  /** @type {Row[]} */
  let rows = [];
  let count = 0;
  let isBuilding = false;
  /** @type {() => void} */
  let refresh = () => {};

  // -- rows ------------------------------------------------------------------------------------

  /** @returns {Object<string, string>} */
  const WORDS = () => ({
    waiting: say("Waiting …"),
    sending: say("Sending …"),
    reading: say("Reading …"),
    added: say("Added. It can be asked when the index is up to date."),
    ready: say("Added, and can be asked."),
    removed: say("Removed."),
    restored: say("Back again."),
  });

  function keep() {
    const kept = rows.map(({ file, ...row }) => row);
    qa.store.remember("rows", kept.length ? JSON.stringify(kept) : "");
  }

  function put(/** @type {Partial<Row> & { name: string }} */ given) {
    const row = { key: `${Date.now()}-${count++}`, state: "waiting", ...given };
    rows.push(row);
    draw();
    return row;
  }

  function change(/** @type {Row} */ row, /** @type {Partial<Row>} */ to) {
    Object.assign(row, to);
    draw();
  }

  function dismiss(/** @type {Row} */ row) {
    rows = rows.filter((other) => other !== row);
    drawn.delete(row.key);
    draw();
  }

  function draw() {
    keep();
    const box = document.getElementById("added");
    if (!box) return;
    box.hidden = !rows.length;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const shown = [...rows.map(drawOnce), ...drawErrors()];
    if (shown.length === box.children.length && shown.every((one, n) => one === box.children[n]))
      return;
    box.replaceChildren(...shown);
    if (focused !== document.activeElement && focused?.isConnected) focused.focus();
  }

  /** What stands on the screen of a row, which stays as long as it says the same: a button that is
   *  pressed or has the focus must not be replaced. */
  const drawn = new Map();
  function drawOnce(/** @type {Row} */ row) {
    const { file, share, ...said } = row;
    const isBuilding = row.state === "building";
    const told = JSON.stringify(isBuilding ? row.state : said);
    if (drawn.get(row.key)?.told !== told) drawn.set(row.key, { told, made: drawRow(row) });
    const { made } = drawn.get(row.key);
    if (isBuilding) {
      made.querySelector("p > span").textContent = ` ${row.words}`;
      made.querySelector("progress").value = row.share || 0;
    }
    return made;
  }

  /** A way to keep the list of what went wrong, where that is more than one file. */
  function drawErrors() {
    const wrong = rows.filter((row) => row.state === "failed" || row.state === "locked");
    if (wrong.length < 2) return [];
    const lines = wrong.map(({ name, words = "" }) =>
      !name || words.startsWith(`${name}: `) ? words : `${name}: ${words}`,
    );
    const save = () => qa.save(`${lines.join("\n")}\n`, "errors.txt", "text/plain");
    const clear = () => {
      rows = rows.filter((row) => !wrong.includes(row));
      draw();
    };
    const label = say("Save the {count} errors as a file", { count: wrong.length });
    return [
      make(
        "p",
        { className: "qa-row-errors" },
        qa.button(label, "qa-plain", save),
        qa.button(say("Dismiss them all"), "qa-plain", clear),
      ),
    ];
  }

  function drawRow(/** @type {Row} */ row) {
    const isDone = !["waiting", "sending", "reading", "building"].includes(row.state);
    const isWrong = row.state === "failed" || row.state === "locked";
    const named = `${row.name}: `; // as errors begin, too
    const told = row.words || WORDS()[row.state] || "";
    const words = told.startsWith(named) ? told.slice(named.length) : told;
    const close = qa.button("×", "qa-dismiss", () => dismiss(row));
    close.setAttribute("aria-label", say("Dismiss: {name}", { name: row.name }));
    const line = make(
      "p",
      { dir: "auto" },
      make("bdi", { className: "qa-row-name", textContent: row.name }),
      make("span", { textContent: ` ${words}` }),
    );
    const made = make("div", { className: `qa-row qa-row-${row.state}` }, line);
    if (isWrong) made.setAttribute("role", "alert");
    if (row.state === "building") {
      const bar = make("progress", { max: 1, value: row.share || 0 });
      bar.setAttribute("aria-label", say("Progress of the build"));
      const stop = qa.button(say("Stop"), "qa-plain", () =>
        qa.server.call("page_build", { do: "stop" }),
      );
      stop.id = "stop-build";
      made.append(bar, stop);
    }
    if (row.state === "locked") made.append(askPassword(row));
    if (row.state === "removed" && row.removed)
      made.append(qa.button(say("Undo"), "qa-plain qa-undo", () => undo(row)));
    if (row.state === "stopped")
      made.append(qa.button(say("Go on"), "qa-plain", () => (dismiss(row), build())));
    if (row.state === "ready" && row.id) made.append(qa.help.askAbout(row.id, row.name));
    if (isDone) made.append(close);
    return made;
  }

  function askPassword(/** @type {Row} */ row) {
    const field = make("input", { type: "password", autocomplete: "off", required: true });
    field.setAttribute("aria-label", say("Password of {name}", { name: row.name }));
    const form = make("form", { className: "qa-password" }, field);
    form.append(make("button", { textContent: say("Unlock") }));
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      send(row, field.value);
    });
    return form;
  }

  // -- adding ----------------------------------------------------------------------------------

  /** Call an endpoint; where nobody answers, wait and call again. */
  async function insist(/** @type {string} */ name, /** @type {any} */ value) {
    for (;;) {
      try {
        return await qa.server.call(name, value);
      } catch (error) {
        if (!(error instanceof qa.ServerLost)) throw error;
        await qa.server.wait();
      }
    }
  }

  async function send(/** @type {Row} */ row, password = "") {
    const file = row.file;
    if (!file)
      return change(row, { state: "failed", words: say("Add it again: the page was reloaded.") });
    let wasLost = false;
    for (;;) {
      try {
        change(row, { state: "sending", words: "" });
        const path = await qa.server.upload(file);
        change(row, { state: "reading" });
        const within = (file.webkitRelativePath || "").split("/").slice(0, -1).join("/");
        const value = { path, name: file.name, within, password };
        const reply = await qa.server.call("page_add", value);
        // It was added before the server could say so.
        if (wasLost && reply.kind === "duplicate") return change(row, { state: "added" });
        return take(row, reply, password);
      } catch (error) {
        const words = String(/** @type {Error} */ (error).message);
        if (!(error instanceof qa.ServerLost)) return change(row, { state: "failed", words });
        wasLost = true;
        change(row, { state: "waiting", words: say("Connecting again …") });
        await qa.server.wait();
      }
    }
  }

  function take(/** @type {Row} */ row, /** @type {any} */ reply, password = "") {
    if (reply.ids) {
      for (const words of reply.errors) put({ name: "", state: "failed", words });
      const count = reply.ids.length;
      const words = say("{count} articles", { count });
      if (count) change(row, { state: "added", words });
      else change(row, { state: "failed", words: say("They are no articles.") });
      return;
    }
    /** @type {Object<string, string>} */
    const states = { locked: "locked", duplicate: "note" };
    if (reply.id) change(row, { state: "added", words: "", id: reply.id });
    else change(row, { state: states[reply.kind] || "failed", words: reply.error });
    if (reply.id && password) return build(password);
  }

  async function addFiles(/** @type {File[]} */ files) {
    const kinds = document.querySelector(".qa-files")?.getAttribute("accept")?.split(",") || [];
    const isArticle = (/** @type {File} */ file) =>
      kinds.some((kind) => file.name.toLowerCase().endsWith(kind));
    // Of a folder, what is no article is left out without a word for each.
    const isFolder = files.some((file) => file.webkitRelativePath);
    const taken = isFolder ? files.filter(isArticle) : files;
    if (isFolder && taken.length < files.length)
      put({
        name: say("{count} files left out", { count: files.length - taken.length }),
        state: "note",
        words: say("They are no articles."),
      });
    if (taken.length > MANY) return addMany(taken);
    const made = taken.map((file) => put({ name: file.name, file }));
    for (const row of made) await send(row);
    if (made.some((row) => row.state === "added")) await build();
  }

  /** The same in one row, with others for those files alone that could not be added. */
  async function addMany(/** @type {File[]} */ files) {
    const all = files.length;
    const row = put({ name: say("{count} files", { count: all }), state: "reading" });
    let added = 0;
    for (const [number, file] of files.entries()) {
      change(row, { words: say("{number} of {all}", { number: number + 1, all }) });
      /** @type {Row} */
      const one = { key: `${row.key}-${number}`, name: file.name, state: "waiting", file };
      await send(one);
      if (one.state === "added") added++;
      else rows.push(one);
    }
    change(
      row,
      added ? { state: "added", words: "" } : { state: "note", words: say("None was added.") },
    );
    if (added) await build();
  }

  async function addOther(/** @type {string} */ name, /** @type {any} */ value) {
    const row = put({ name, state: "reading" });
    try {
      take(row, await insist("page_add", value));
    } catch (error) {
      change(row, { state: "failed", words: String(/** @type {Error} */ (error).message) });
    }
    if (row.state === "added") build();
    return row.state !== "failed";
  }

  // -- removing --------------------------------------------------------------------------------

  async function remove(/** @type {string} */ id, /** @type {string} */ title) {
    if (rows.some((row) => row.id === id && row.state === "reading")) return;
    const row = put({ name: title, state: "reading", words: " ", id });
    try {
      const { name } = await insist("page_remove", { id });
      change(row, { state: "removed", words: "", removed: name, id });
      await build();
    } catch (error) {
      change(row, { state: "failed", words: String(/** @type {Error} */ (error).message) });
    }
  }

  const undoing = new Set();
  async function undo(/** @type {Row} */ row) {
    if (undoing.has(row)) return;
    undoing.add(row);
    try {
      await insist("page_restore", { name: row.removed, id: row.id });
      change(row, { state: "restored", removed: "" });
      await build();
    } catch (error) {
      change(row, { state: "failed", words: String(/** @type {Error} */ (error).message) });
    }
  }

  // -- building --------------------------------------------------------------------------------

  let isWanted = false;

  /** Bring the index up to date; what is asked for while that runs is done after it. */
  async function build(password = "") {
    isWanted = true;
    if (isBuilding && !password) return;
    while (isBuilding) await new Promise((done) => setTimeout(done, LOOK_MS));
    isBuilding = true;
    const row = put({ name: say("Index"), state: "building", words: say("is brought up to date") });
    try {
      while (isWanted) {
        isWanted = false;
        finish(row, await run(row, password));
      }
    } catch (error) {
      change(row, { state: "stopped", words: String(/** @type {Error} */ (error).message) });
    }
    isBuilding = false;
    refresh();
  }

  async function run(/** @type {Row} */ row, /** @type {string} */ password) {
    for (;;) {
      let state = await insist("page_build", { do: "start", password });
      const { started, number } = state;
      while (state.running && state.number >= number) {
        change(row, { share: state.total ? state.done / state.total : 0, words: describe(state) });
        await new Promise((done) => setTimeout(done, LOOK_MS));
        state = await insist("page_build", { do: "look" });
      }
      // Else it was somebody else's build, or the server has been started again meanwhile.
      if (started && state.number === number) return state;
    }
  }

  function describe(/** @type {any} */ state) {
    const number = (/** @type {number} */ value) => value.toLocaleString(qa.language);
    const [what, ...file] = state.what.split(": ");
    const parts = [`${say("is brought up to date")}: ${say(what)}`];
    if (file.length) parts.push(file.join(": "));
    if (state.total)
      parts.push(
        say("{number} of {all}", { number: number(state.done), all: number(state.total) }),
      );
    if (state.rate >= 1)
      parts.push(say("{count} a second", { count: number(Math.round(state.rate)) }));
    if (state.left !== null)
      parts.push(say("{count} s left", { count: number(Math.round(state.left)) }));
    return parts.join(" · ");
  }

  function finish(/** @type {Row} */ row, /** @type {any} */ state) {
    if (state.error) return change(row, { state: "stopped", words: state.error });
    for (const other of rows)
      if (other.state === "added") Object.assign(other, { state: "ready", words: "" });
    const told = [
      ...(state.errors || []).map((/** @type {string} */ words) => ({ state: "failed", words })),
      ...(state.warnings || []).map((/** @type {string} */ words) => ({ state: "note", words })),
    ];
    for (const row of told)
      if (!rows.some((other) => other.words === row.words)) put({ name: "", ...row });
    if (isWanted) return;
    change(row, { state: "note", words: say("is up to date.") });
    // Where each article has a row of its own, this one has nothing to add.
    if (rows.some((other) => ["ready", "removed", "restored"].includes(other.state))) dismiss(row);
  }

  // -- where files come from -------------------------------------------------------------------

  const hasFiles = (/** @type {DragEvent} */ event) =>
    Boolean(event.dataTransfer?.types.includes("Files")) && mayAdd();
  const mayAdd = () => Boolean(document.querySelector(".qa-files"));

  /** Files of what was dropped; folders are walked through. */
  async function readDrop(/** @type {DataTransfer} */ transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
    /** @type {File[]} */
    const found = [];
    async function walk(/** @type {any} */ entry) {
      if (entry?.isFile) {
        const file = await new Promise((done, fail) => entry.file(done, fail));
        // As a file has it that comes from a folder that was chosen.
        Object.defineProperty(file, "webkitRelativePath", { value: entry.fullPath.slice(1) });
        found.push(file);
      }
      if (!entry?.isDirectory) return;
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return;
        for (const one of some) await walk(one);
      }
    }
    for (const entry of entries) await walk(entry);
    return found;
  }

  const veil = (/** @type {boolean} */ on) => document.body.classList.toggle("qa-dropping", on);
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil(false);
  });
  document.addEventListener("drop", async (event) => {
    veil(false);
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    addFiles(await readDrop(event.dataTransfer));
  });
  document.addEventListener("change", (event) => {
    const input = qa.within(event.target, ".qa-files, .qa-folder");
    if (!input) return;
    addFiles([...input.files]);
    input.value = "";
  });
  const submitted = new Set(); // forms whose content is on its way
  document.addEventListener("submit", async (event) => {
    const form = /** @type {any} */ (event.target);
    if (!form.matches(".qa-add-address, .qa-add-text")) return;
    event.preventDefault();
    if (submitted.has(form)) return;
    submitted.add(form);
    const read = () => JSON.stringify([...new FormData(form)]);
    const given = read();
    const { address, title, text } = form.elements;
    const done = address
      ? addOther(address.value.trim(), { address: address.value.trim() })
      : addOther(title.value.trim() || say("Pasted text"), {
          title: title.value,
          text: text.value,
        });
    if ((await done) && read() === given) form.reset(); // else the next is being written
    submitted.delete(form);
  });
  const press = (/** @type {any} */ button, /** @type {string} */ name) =>
    qa.within(button, ".qa-drop").querySelector(name).click();
  qa.on("qa-choose-files", (/** @type {any} */ button) => press(button, ".qa-files"));
  qa.on("qa-choose-folder", (/** @type {any} */ button) => press(button, ".qa-folder"));
  qa.on("qa-remove", (/** @type {any} */ button) =>
    remove(button.value, qa.within(button, "li").querySelector(".qa-name").textContent),
  );
  qa.on("qa-rebuild", () => build());

  /** What was going on before a reload: outcomes are shown again, a build goes on. */
  function start() {
    try {
      rows = JSON.parse(qa.store.recall("rows") || "[]");
    } catch {
      rows = [];
    }
    const isUnbuilt = rows.some((row) => ["added", "building", "removed"].includes(row.state));
    rows = rows.filter((row) => row.state !== "building");
    for (const row of rows)
      if (["waiting", "sending", "reading", "locked"].includes(row.state))
        Object.assign(row, { state: "failed", words: say("Add it again: the page was reloaded.") });
    draw();
    if (isUnbuilt) build();
  }

  return {
    start,
    isBuilding: () => isBuilding,
    attach(/** @type {(name: string) => void} */ trigger) {
      refresh = () => trigger("refresh");
    },
  };
})();
qa.attachList = qa.adding.attach;
