"""An OpenAI-compatible provider for tests of chat: it always says the same."""
import json

from tools.tests.served import stand_in


def answer(request, _):
    chunk = {"choices": [{"delta": {"content": "Nothing is due."}, "finish_reason": "stop"}]}
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.end_headers()
    request.wfile.write(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())


def start(test):
    """Serves until the test ends; gives the address of its API."""
    return f"{stand_in(test, answer)}v1"
