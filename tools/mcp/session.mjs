// A session of the official TypeScript SDK: session.mjs v1|legacy|REVISION URL, or … COMMAND ARGUMENT...
import assert from 'node:assert/strict';

const [mode, server, ...args] = process.argv.slice(2);
const http = server.startsWith('http');
let client, transport;
if (mode === 'v1') {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
  client = new Client({ name: 'test', version: '1' });
  transport = http ? new StreamableHTTPClientTransport(new URL(server)) : new StdioClientTransport({ command: server, args });
} else {
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const negotiation = mode === 'legacy' ? 'legacy' : { pin: mode };
  client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: negotiation } });
  transport = http ? new StreamableHTTPClientTransport(new URL(server)) : new StdioClientTransport({ command: server, args });
}
await client.connect(transport);
assert.equal(client.getServerVersion().name, 'tickler');

const { tools } = await client.listTools();
assert.deepEqual([tools[0].name, tools.length], ['add_task', 9]);
const call = (name, args) => client.callTool({ name, arguments: args });

const title = `Water the plants (${crypto.randomUUID()})`;
const added = await call('add_task', { title, recurrence: 'every monday at 8', reminders: ['1h'] });
assert.equal(added.isError ?? false, false, JSON.stringify(added));
assert.ok(added.content[0].text.includes(title));
const { number } = added.structuredContent.tasks[0];

const changed = await call('update_task', { task_id: `#${number}`, priority: 'high', add_tags: ['home'] });
assert.equal(changed.structuredContent.tasks[0].priority, 'high');
const listed = await call('list_tasks', { tags: 'home', view: 'open', search: title });
assert.equal(listed.structuredContent.total, 1);
const reminders = await call('list_reminders', { task_id: number });
assert.equal(reminders.structuredContent.count, 1);
const done = await call('complete_task', { tasks: [title, 'no such task'] });
assert.equal(done.structuredContent.tasks[0].next.title, title);
assert.equal(done.structuredContent.failures[0].index, 1);

const { resources } = await client.listResources();
assert.equal(resources[0].uri, 'tickler://tasks/today');
const read = await client.readResource({ uri: `tickler://tasks/${number}` });
assert.equal(JSON.parse(read.contents[0].text).status, 'completed');
await client.close();
