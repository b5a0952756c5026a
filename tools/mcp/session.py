"""A session of the official Python SDK: session.py MODE URL, or session.py MODE COMMAND ARGUMENT..."""
import asyncio, sys, uuid

from mcp import Client, StdioServerParameters

REVISIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}


async def session(mode, server):
    async with Client(server, mode=mode) as client:
        assert client.protocol_version == REVISIONS.get(mode, mode), client.protocol_version
        assert client.server_info.name == "tickler"
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert tools[0] == "add_task" and len(tools) == 9, tools
        title = f"Call Ann ({uuid.uuid4()})"
        added = await client.call_tool("add_task", {"title": title, "due_date": "tomorrow 5pm", "recurrence": "weekly"})
        assert not added.is_error and title in added.content[0].text, added
        number = added.structured_content["tasks"][0]["number"]
        listed = await client.call_tool("list_tasks", {"search": title})
        assert listed.structured_content["total"] == 1, listed
        read = await client.read_resource(f"tickler://tasks/{number}")
        assert title in read.contents[0].text, read
        assert any(str(resource.uri) == "tickler://tasks/today" for resource in (await client.list_resources()).resources)
        done = await client.call_tool("complete_task", {"task_id": number})
        assert done.structured_content["tasks"][0]["next"]["title"] == title, done
        gone = await client.call_tool("delete_task", {"task_id": title})
        assert gone.structured_content["tasks"][0]["deleted"] is True, gone
        absent = await client.call_tool("complete_task", {"task_id": "no such task"})
        assert absent.is_error and absent.structured_content["failures"][0]["code"] == "not-found", absent


mode, server, *arguments = sys.argv[1:]
if not server.startswith("http"):
    server = StdioServerParameters(command=server, args=arguments)
asyncio.run(session(mode, server))
