"""Endpoints: calls of other programs and assistants -> JSON; one definition for the page's API and
for a server of the Model Context Protocol.

In: an `Answerer`, and JSON values. Out: the JSON of the command line, with links. May import:
render, saved, answer and what is below; only the module `mcp` imports the library of that name.
"""
