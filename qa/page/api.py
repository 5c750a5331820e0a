"""The calls of `qa.endpoints` as endpoints of the page, for `gradio_client` and curl."""

import logging
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, get_type_hints

import gradio as gr
from gradio.components.api_component import Api
from gradio.events import api

from qa.endpoints.calls import NAMES, Endpoints, link_to_page
from qa.endpoints.describe import check_arguments
from qa.errors import QAError

_LOG = logging.getLogger(__name__)


def add_endpoints(endpoints: Endpoints) -> None:
    """Add the endpoints to the page that is being made."""
    for name in NAMES:
        api(
            _make_endpoint(endpoints, name),
            api_name=name,
            concurrency_limit=8,
            concurrency_id="ask",
        )


def _make_endpoint(endpoints: Endpoints, name: str) -> Callable[..., object]:
    """A call as Gradio wants it: by place, with plain types, and told who calls.

    Whatever goes wrong is told in words, and never as Python would.
    """
    call = getattr(endpoints, name)
    hints = get_type_hints(call)
    own = [
        given.replace(annotation=hints[place])
        for place, given in signature(call).parameters.items()
    ]
    caller = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)

    def endpoint(request: gr.Request, *values: object) -> object:
        try:
            given = dict(zip((parameter.name for parameter in own), values, strict=False))
            assert request.request is not None
            of_caller = endpoints.with_links(link_to_page(str(request.request.base_url)))
            return getattr(of_caller, name)(**check_arguments(name, given))
        except QAError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception as error:
            _LOG.warning("a request could not be answered: %r", error)
            raise gr.Error(
                "something went wrong: the server's terminal tells more", print_exception=False
            ) from None

    endpoint.__name__ = name
    endpoint.__doc__ = call.__doc__
    endpoint.__annotations__ = {**hints, "request": gr.Request}
    made: Any = endpoint
    made.__signature__ = signature(call).replace(
        parameters=[caller, *own], return_annotation=hints["return"]
    )
    return endpoint


def fill_up(block_fn: Any, inputs: list[Any]) -> list[Any]:
    """What is sent to an endpoint, with the defaults of the values that were left out at the end:
    Gradio's own client adds them, and who calls by curl need not.
    """
    wanted = getattr(block_fn, "inputs", ())
    if not isinstance(inputs, list) or not all(isinstance(part, Api) for part in wanted):
        return inputs
    return [*inputs, *(part.value for part in wanted[len(inputs) :])]
