"""What programs and assistants may ask from outside: one definition of the calls, and a server of
them that speaks the Model Context Protocol.

In: an `Answerer`, and values as JSON has them. Out: JSON values as on the command line, with
links.
May import: render, saved, answer and what is below; `mcp` is imported by its one module alone.
"""
