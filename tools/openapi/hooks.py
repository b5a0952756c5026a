"""What Schemathesis cannot know of Tickler: media types, whose tokens it uses, and where calls may go."""
import json, os

import schemathesis

USER = os.environ["TICKLER_TEST_USER"]
# Webhooks call whatever they are told; under test that is a port of this machine that nobody listens on.
NOWHERE = "http://127.0.0.1:9/"


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.deserializer("application/x-ndjson")
def objects(context, response):
    for line in response.content.splitlines():
        assert isinstance(json.loads(line), dict)
    return response.content.decode()


@schemathesis.serializer("text/calendar")
def calendar(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.deserializer("text/calendar")
def events(context, response):
    text = response.content.decode()
    assert text.startswith("BEGIN:VCALENDAR\r\n") and text.endswith("END:VCALENDAR\r\n")
    return text


@schemathesis.deserializer("text/html")
def page(context, response):
    return response.content.decode()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Another user's path is refused before anything else; the matrix of two users is about that."""
    if path_parameters and "user_id" in path_parameters:
        path_parameters["user_id"] = USER
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    """Who asks for a version that is yet to come is answered 503, by right."""
    if query and "min_version" in query:
        query["min_version"] = 0
    return query


@schemathesis.hook
def filter_query(context, query):
    """An empty parameter is as good as none, whatever its type: forms send their empty fields too."""
    return not query or not any(value in ("", [], [""]) for value in query.values())


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict):
        for name in ["url", "webhook_url"]:
            if isinstance(body.get(name), str):
                body[name] = NOWHERE
    return body
