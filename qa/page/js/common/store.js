// @ts-check
// Conversations -> the browser's own storage, and back. One key a conversation, so that tabs do
// not overwrite each other.

/** @typedef {{
 *    n: number, question: string, shown: string, answer: any, where: Object<string, any>,
 *    alone?: boolean, state: "queued" | "asking" | "done" | "stopped" | "failed"
 *  }} Turn
 *  @typedef {{ id: string, name: string, changed: number, turns: Turn[] }} Conversation
 */

qa.makeStore = (/** @type {Storage} */ kept, /** @type {Storage} */ tab) => {
  const PREFIX = "qa.conversation.";
  const NAME_CHARS = 120;

  /** @returns {Conversation | null} */
  function load(/** @type {string} */ id) {
    try {
      const value = JSON.parse(kept.getItem(PREFIX + id) || "null");
      return value && Array.isArray(value.turns) && typeof value.id === "string" ? value : null;
    } catch {
      return null; // written by something else
    }
  }

  /** Keep a conversation. False where the browser has no room for it, or keeps nothing. */
  function save(/** @type {Conversation} */ conversation) {
    if (!conversation.turns.length) return true;
    try {
      kept.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
      return true;
    } catch {
      return false;
    }
  }

  /** All conversations, the latest first. */
  function list() {
    const found = [];
    for (let n = 0; n < kept.length; n++) {
      const key = kept.key(n) || "";
      const one = key.startsWith(PREFIX) ? load(key.slice(PREFIX.length)) : null;
      if (one)
        found.push({ id: one.id, name: one.name, changed: one.changed, turns: one.turns.length });
    }
    return found.sort((one, other) => other.changed - one.changed || (one.id < other.id ? -1 : 1));
  }

  function remove(/** @type {string} */ id) {
    kept.removeItem(PREFIX + id);
  }

  function forgetAll() {
    const mine = Array.from({ length: kept.length }, (_, n) => kept.key(n) || "");
    for (const key of mine) if (key.startsWith("qa.")) kept.removeItem(key);
  }

  /** @returns {Conversation} */
  function start() {
    return {
      id: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
      name: "",
      changed: Date.now(),
      turns: [],
    };
  }

  /** A conversation is called by its first question. */
  function name(/** @type {string} */ question) {
    const words = question.replace(/\s+/g, " ").trim();
    return words.length <= NAME_CHARS ? words : `${words.slice(0, NAME_CHARS - 1)}…`;
  }

  /** What a tab remembers across a reload: the conversation it shows, what is typed. */
  const remember = (/** @type {string} */ key, /** @type {string} */ value) => {
    try {
      if (value) tab.setItem(`qa.${key}`, value);
      else tab.removeItem(`qa.${key}`);
    } catch {
      // then a reload forgets
    }
  };
  const recall = (/** @type {string} */ key) => {
    try {
      return tab.getItem(`qa.${key}`) || "";
    } catch {
      return "";
    }
  };

  return { load, save, list, remove, forgetAll, start, name, remember, recall };
};
