// @ts-check
// Requests to the server's endpoints, by the two steps that Gradio's HTTP interface has: post the
// input, read the event.

qa.ServerLost = class extends Error {};
qa.ServerRefused = class extends Error {};

qa.server = (() => {
  const root = () => new URL("gradio_api/", document.baseURI);
  const PING_MS = 1500;

  /** Call an endpoint that takes and returns one JSON text.
   *  ServerLost where nobody answers, ServerRefused with the server's words where it says no. */
  async function call(
    /** @type {string} */ name,
    /** @type {any} */ value,
    /** @type {AbortSignal | undefined} */ signal,
  ) {
    let text = "";
    try {
      const posted = await fetch(new URL(`call/${name}`, root()), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ data: [JSON.stringify(value)] }),
        signal,
      });
      if (posted.status === 401)
        throw new qa.ServerRefused(
          qa.say("Your login has ended: reload the page to log in again."),
        );
      if (posted.status >= 500) throw new qa.ServerLost();
      if (!posted.ok) throw new qa.ServerRefused((await posted.text()).slice(0, 300));
      const { event_id } = await posted.json();
      const told = await fetch(new URL(`call/${name}/${event_id}`, root()), { signal });
      text = await told.text();
    } catch (error) {
      if (
        error instanceof qa.ServerRefused ||
        (error instanceof Error && error.name === "AbortError")
      )
        throw error;
      throw new qa.ServerLost();
    }
    return readEvents(text);
  }

  /** The result in a stream of events. */
  function readEvents(/** @type {string} */ text) {
    for (const event of text.split(/\r?\n\r?\n/)) {
      const [, kind, data] = event.match(/^event: (\w+)\r?\ndata: (.*)/s) || [];
      if (kind === "complete") return JSON.parse(JSON.parse(data)[0]);
      if (kind === "error") {
        const said = JSON.parse(data);
        throw new qa.ServerRefused(
          (said && (said.error || said)) ||
            qa.say("The server could not answer; its terminal tells more."),
        );
      }
    }
    throw new qa.ServerLost(); // it ended before the result
  }

  /** Send a file; where the server put it. ServerLost and ServerRefused as above. */
  async function upload(/** @type {File} */ file) {
    const form = new FormData();
    form.append("files", file);
    let reply;
    try {
      reply = await fetch(new URL("upload", root()), { method: "POST", body: form });
    } catch {
      throw new qa.ServerLost();
    }
    if (reply.status >= 500) throw new qa.ServerLost();
    if (reply.status === 413) throw new qa.ServerRefused(qa.say("It is too large: divide it."));
    if (!reply.ok) throw new qa.ServerRefused((await reply.text()).slice(0, 300));
    return (await reply.json())[0];
  }

  /** Wait until the server answers again. */
  async function wait(/** @type {AbortSignal | undefined} */ signal) {
    while (!signal?.aborted) {
      try {
        if ((await fetch(new URL("app_id", root()), { signal, cache: "no-store" })).ok) return;
      } catch {
        // not yet
      }
      await new Promise((done) => setTimeout(done, PING_MS));
    }
  }

  return { call, upload, readEvents, wait };
})();
