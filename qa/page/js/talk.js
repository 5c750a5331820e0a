// @ts-check
// The conversation: questions and what came of them on the screen, the line of those that wait, and
// what is kept of them.

qa.makeTalk = (/** @type {any} */ store, /** @type {any} */ server) => {
  const BEFORE = 12; // earlier answers sent along, for questions that lean on them
  const $ = (/** @type {string} */ name) =>
    /** @type {HTMLElement} */ (document.querySelector(name));
  let conversation = store.start();
  /** @type {AbortController | null} */
  let running = null;
  /** @type {any} */
  let asked = null; // the turn that is being answered
  let passages = 10;

  const { make, say } = qa;

  // -- what is on the screen ---------------------------------------------------------------------

  function draw(/** @type {any} */ turn) {
    const log = $("#chat .message-wrap");
    /** @type {any} */
    let row = log.querySelector(`[data-turn="${turn.n}"]`);
    if (!row) {
      row = make("div", { className: "qa-turn" });
      row.setAttribute("data-turn", String(turn.n));
      const question = make("div", {
        className: "qa-question",
        id: `turn-${turn.n}`,
        dir: "auto",
        textContent: turn.question,
      });
      row.append(question, make("div", { className: "qa-reply" }));
      log.append(row);
    }
    const reply = /** @type {HTMLElement} */ (row.querySelector(".qa-reply"));
    if (turn.state !== "done") return reply.replaceChildren(describe(turn));
    reply.innerHTML = turn.shown; // made by the server, all text escaped
    if (!turn.answer) return;
    if (!qa.where.isEmpty(turn.where)) addWhere(reply, turn);
    qa.cards.dress(reply, turn);
    qa.help.follow(reply, turn);
  }

  /** What stands in place of an answer that is not there yet, or will not be. */
  function describe(/** @type {any} */ turn) {
    if (turn.state === "queued" || turn.state === "asking") {
      const words =
        turn.state === "queued"
          ? say("Waiting for its turn …")
          : say("Reading up to {count} passages …", { count: passages });
      const textContent = turn.lost ? say("Connecting again …") : words;
      return make(
        "div",
        { className: "qa-answer qa-wait" },
        make("p", { dir: "auto", textContent }),
      );
    }
    const textContent =
      turn.state === "stopped" ? say("Stopped before it was answered.") : turn.shown;
    const again = qa.button(say("Ask again"), "qa-plain qa-again");
    again.dataset.turn = String(turn.n);
    return make(
      "div",
      { className: "qa-answer qa-problem", role: "alert" },
      make("p", { dir: "auto", textContent }),
      again,
    );
  }

  /** Says of an answer that only some articles were asked, and offers all where they did not
   *  answer. */
  function addWhere(/** @type {HTMLElement} */ reply, /** @type {any} */ turn) {
    const box = /** @type {HTMLElement} */ (reply.querySelector(".qa-answer"));
    const note = make("p", {
      className: "qa-note qa-only",
      textContent: say("Asked only in some of the articles.") + " ",
    });
    if (["unanswered", "off_topic"].includes(turn.answer.status)) {
      const all = qa.button(say("Ask in all articles"), "qa-plain qa-everywhere");
      all.dataset.turn = String(turn.n);
      note.append(all);
    }
    box.prepend(note);
  }

  function drawAll() {
    $("#chat .message-wrap").replaceChildren();
    for (const turn of conversation.turns) draw(turn);
    settle();
  }

  /** Shows what belongs to the state of the conversation. */
  function settle() {
    const isEmpty = !conversation.turns.length;
    document.body.classList.toggle("qa-empty", isEmpty);
    document.body.classList.toggle("qa-asking", Boolean(running));
    const stop = $("#stop-asking");
    if (stop) stop.hidden = !running;
  }

  function tell(/** @type {string} */ words) {
    const box = $("#composer-note");
    if (box.textContent !== words) box.textContent = words;
    box.hidden = !words;
  }

  function keep(/** @type {any} */ turn = null) {
    if (turn && !conversation.turns.includes(turn)) return; // of another conversation by now
    conversation.changed = Date.now();
    store.remember("current", conversation.turns.length ? conversation.id : "");
    const isKept = store.save(conversation);
    if (!isKept)
      tell(
        say("This browser has no room for the conversation: delete others, or save it to a file."),
      );
  }

  // -- asking ------------------------------------------------------------------------------------

  /** Put a question on the screen at once, and answer it when its turn comes. */
  function ask(
    /** @type {string} */ question,
    /** @type {Object<string, any>} */ where = {},
    alone = false,
  ) {
    if (!question.trim()) return false;
    const last = conversation.turns[conversation.turns.length - 1];
    const turn = {
      n: last ? last.n + 1 : 1,
      question,
      shown: "",
      answer: null,
      where,
      alone,
      state: running ? "queued" : "asking",
    };
    if (!conversation.turns.length) conversation.name = store.name(question);
    conversation.turns.push(turn);
    draw(turn);
    settle();
    $(`#turn-${turn.n}`).scrollIntoView({ block: "start" });
    keep();
    advance();
    return true;
  }

  async function advance() {
    if (running) return;
    const within = conversation;
    const turn = within.turns.find(
      (/** @type {any} */ one) => one.state === "queued" || one.state === "asking",
    );
    if (!turn) return;
    running = new AbortController();
    asked = turn;
    const { signal } = running;
    turn.state = "asking";
    draw(turn);
    settle();
    await answer(within, turn, signal);
    if (signal.aborted) return; // whoever stopped it goes on
    running = asked = null;
    finish(turn);
    advance();
  }

  async function answer(
    /** @type {any} */ within,
    /** @type {any} */ turn,
    /** @type {AbortSignal} */ signal,
  ) {
    const before = within.turns
      .filter((/** @type {any} */ one) => one.n < turn.n && one.answer)
      .slice(-BEFORE);
    const request = {
      question: turn.question,
      number: turn.n,
      before: turn.alone ? [] : before.map((/** @type {any} */ one) => one.answer),
      where: turn.where,
      alone: Boolean(turn.alone),
    };
    while (!signal.aborted) {
      try {
        const reply = await server.call("page_ask", request, signal);
        Object.assign(turn, { state: "done", shown: reply.shown, answer: reply.answer });
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof qa.ServerLost)) {
          Object.assign(turn, {
            state: "failed",
            shown: String(/** @type {Error} */ (error).message),
          });
          return;
        }
      }
      // What was asked went down with the server: asked once more when it is back, and answered
      // once.
      turn.lost = true;
      draw(turn);
      tell(say("The server does not answer. Connecting again …"));
      await server.wait(signal);
      delete turn.lost;
      tell("");
      if (!signal.aborted) draw(turn);
    }
  }

  function finish(/** @type {any} */ turn) {
    draw(turn);
    settle();
    keep();
    document.dispatchEvent(new CustomEvent("qa-answered", { detail: turn }));
  }

  /** Stop what is being answered; those that wait are asked next. */
  function stop() {
    if (!running) return;
    const turn = asked;
    running.abort();
    running = asked = null;
    delete turn.lost;
    turn.state = "stopped";
    tell("");
    finish(turn);
    advance();
  }

  function again(/** @type {number} */ n, /** @type {Object<string, any> | null} */ where = null) {
    const turn = conversation.turns.find((/** @type {any} */ one) => one.n === n);
    if (!turn) return;
    if (where) return ask(turn.question, where, turn.alone);
    turn.state = "queued";
    draw(turn);
    advance();
  }

  // -- conversations -----------------------------------------------------------------------------

  /** Leave what is being answered as it is: it is asked when its conversation is opened again. */
  function leave() {
    if (!running) return;
    running.abort();
    delete asked.lost;
    running = asked = null;
    tell("");
    keep();
  }

  function open(/** @type {string} */ id) {
    const found = store.load(id);
    if (!found) return false;
    leave();
    conversation = found;
    store.remember("current", id);
    drawAll();
    const last = $("#chat .qa-turn:last-child");
    if (last) last.scrollIntoView({ block: "start" });
    advance();
    return true;
  }

  function anew() {
    leave();
    conversation = store.start();
    store.remember("current", "");
    drawAll();
  }

  function setPassages(/** @type {number} */ count) {
    passages = count;
  }

  return {
    ask,
    keep,
    stop,
    again,
    open,
    anew,
    settle,
    setPassages,
    tell,
    holds: (/** @type {any} */ turn) => conversation.turns.includes(turn),
    answers: () => conversation.turns.map((/** @type {any} */ turn) => turn.answer).filter(Boolean),
    questions: () => conversation.turns.map((/** @type {any} */ turn) => turn.question),
    get id() {
      return conversation.id;
    },
  };
};

qa.store = qa.makeStore(localStorage, sessionStorage);
qa.talk = qa.makeTalk(qa.store, qa.server);
