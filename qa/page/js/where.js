// @ts-check
// Which articles are asked: kept in the address, so that a link keeps it.

qa.where = (() => {
  const MANY = { in: "article_ids", author: "authors", language: "languages" };
  const ONE = { since: "since", until: "until", title: "title" };
  const { say } = qa;
  /** @type {Object<string, string>} */
  const LABELS = {
    author: say("by {value}"),
    language: say("in {value}"),
    since: say("since {value}"),
    until: say("until {value}"),
    title: say("titled {value}"),
  };

  /** The conditions in an address, as the server takes them. */
  function read(/** @type {URLSearchParams} */ query) {
    /** @type {Object<string, any>} */
    const where = {};
    for (const [name, field] of Object.entries(MANY))
      if (query.has(name)) where[field] = query.getAll(name);
    for (const [name, field] of Object.entries(ONE))
      if (query.get(name)) where[field] = query.get(name);
    return where;
  }

  const isEmpty = (/** @type {Object<string, any>} */ where) => !Object.keys(where || {}).length;

  /** Each condition by itself: [name in the address, value]. */
  function split(/** @type {URLSearchParams} */ query) {
    return [...query].filter(([name, value]) => value && (name in MANY || name in ONE));
  }

  function describe(
    /** @type {string} */ name,
    /** @type {string} */ value,
    /** @type {(id: string) => string} */ titleOf,
  ) {
    return name === "in" ? titleOf(value) : LABELS[name].replace("{value}", () => value);
  }

  /** The address with one condition more; those of which there is one are replaced. */
  function add(
    /** @type {URL} */ address,
    /** @type {string} */ name,
    /** @type {string} */ value,
  ) {
    if (name in ONE) address.searchParams.set(name, value);
    else if (!address.searchParams.getAll(name).includes(value))
      address.searchParams.append(name, value);
    return address;
  }

  function drop(
    /** @type {URL} */ address,
    /** @type {string} */ name,
    /** @type {string} */ value,
  ) {
    const kept = address.searchParams.getAll(name).filter((other) => other !== value);
    address.searchParams.delete(name);
    for (const other of kept) address.searchParams.append(name, other);
    return address;
  }

  function clear(/** @type {URL} */ address) {
    for (const name of [...Object.keys(MANY), ...Object.keys(ONE)])
      address.searchParams.delete(name);
    return address;
  }

  return { read, isEmpty, split, describe, add, drop, clear };
})();
