//! What each route of the canon means: summary, parameters, body, answer, and the problems of its own.

/// One row.
pub(super) struct Row {
    pub(super) call: &'static str,
    pub(super) summary: &'static str,
    /// Query parameters; a number after the colon is the most that it may be.
    pub(super) params: &'static str,
    /// A schema, or nothing.
    pub(super) body: &'static str,
    /// Status and schema.
    pub(super) answer: &'static str,
    /// Problems besides those that every route of its kind has.
    pub(super) slugs: &'static str,
}

const fn r(
    call: &'static str,
    summary: &'static str,
    params: &'static str,
    body: &'static str,
    answer: &'static str,
    slugs: &'static str,
) -> Row {
    Row { call, summary, params, body, answer, slugs }
}

/// The parameters of a list.
pub(super) const LIST: &str = "search status completed priority tags tags_match due_date_from due_date_to \
    due_date overdue recurrence_id deleted archived sort order limit:1000 cursor min_version";

/// The parameters of a search.
const SEARCH: &str = "q status completed priority tags tags_match due_date_from due_date_to due_date overdue \
    recurrence_id deleted archived relevance order limit:100 cursor min_version";

/// Every row.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    r("GET /api/v1/tasks", "List tasks: filter, search, sort, page", LIST, "", "200 Tasks", "invalid-cursor view-behind"),
    r("POST /api/v1/tasks", "Create a task", "", "NewTask", "201 Task", "no-due-date limit-reached recurrence-needs-due-date invalid-recurrence invalid-zone idempotency-key-reused channel-unavailable"),
    r("POST /api/v1/tasks/batch", "Do up to 100 operations at once", "", "Batch", "200 BatchResults", "batch-rejected idempotency-key-reused"),
    r("GET /api/v1/tasks/{id}", "Read a task by id or number", "min_version", "", "200 Task", "view-behind"),
    r("PUT /api/v1/tasks/{id}", "Change a task (absent fields stay, null clears)", "scope", "TaskFields", "200 TaskNext", "no-due-date task-closed limit-reached recurrence-needs-due-date invalid-recurrence invalid-zone idempotency-key-reused"),
    r("PATCH /api/v1/tasks/{id}", "Change a task (absent fields stay, null clears)", "scope", "TaskFields", "200 TaskNext", "no-due-date task-closed limit-reached recurrence-needs-due-date invalid-recurrence invalid-zone idempotency-key-reused"),
    r("DELETE /api/v1/tasks/{id}", "Delete a task; it can be restored for 30 days", "delete_scope", "", "204", "task-closed idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/complete", "Complete a task; a recurring one answers the next", "", "", "200 TaskNext", "task-closed idempotency-key-reused"),
    r("PATCH /api/v1/tasks/{id}/complete", "Toggle a task, or set whether it is completed", "", "Completed", "200 TaskNext", "task-closed idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/reopen", "Reopen a completed or cancelled task", "", "", "200 TaskRemoved", "task-closed limit-reached idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/restore", "Restore a deleted task", "", "", "200 Task", "limit-reached idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/skip", "Skip this occurrence of a recurring task", "", "", "200 TaskNext", "not-recurring task-closed idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/move", "Move a task in the manual order", "", "Place", "200 Task", "task-closed idempotency-key-reused"),
    r("PUT /api/v1/tasks/{id}/tags/{name}", "Put a tag on a task", "", "", "204", "task-closed idempotency-key-reused"),
    r("DELETE /api/v1/tasks/{id}/tags/{name}", "Take a tag off a task", "", "", "204", "task-closed idempotency-key-reused"),
    r("GET /api/v1/tasks/{id}/history", "What happened to a task, newest first", "limit:200 cursor min_version", "", "200 History", "invalid-cursor view-behind"),
    r("POST /api/v1/undo", "Undo a change of a task", "", "EventId", "200 Undone", "cannot-undo idempotency-key-reused not-found"),
    r("GET /api/v1/audit", "Every operation, chained by hashes", "event_type task_id from to start_date end_date user_id order limit:200 offset cursor min_version", "", "200 Audit", "invalid-cursor wrong-user view-behind"),
    r("GET /api/v1/changes", "What is new since a cursor", "since limit:1000 types min_version", "", "200 Changes", "cursor-expired invalid-cursor view-behind"),
    r("GET /api/v1/live", "What happens, as server-sent events", "since types ticket", "", "200 Stream", "invalid-cursor rate-limited"),
    r("POST /api/v1/live/ticket", "A ticket for one stream, for pages that can send no header", "", "", "201 Ticket", ""),
    r("GET /ws", "What happens, as a WebSocket", "since types ticket", "", "101", "invalid-cursor malformed rate-limited"),
    r("GET /api/v1/search", "Search by words, best first", SEARCH, "", "200 Found", "invalid-cursor view-behind"),
    r("GET /api/v1/export", "Everything a user has, as JSON lines (format=jsonl), or the tasks as a calendar (format=ics)", "format min_version", "", "200 Lines", "view-behind"),
    r("POST /api/v1/import", "Import an export or a calendar; known ids are skipped or replaced (mode=skip, mode=replace)", "mode dry_run", "Lines", "200 Imported", ""),
    r("POST /api/v1/recurrence/expand", "Expand a recurrence (pure)", "", "Expand", "200 Expanded", "invalid-recurrence invalid-zone"),
    r("POST /api/v1/parse", "Read a task from a sentence (pure)", "", "Sentence", "200 Parsed", "invalid-zone"),
    r("POST /api/v1/chat", "Say something to the assistant; with Accept: text/event-stream the events meta, delta, tool_start, tool_end, done, error", "", "ChatFields", "200 ChatAnswer", "chat-unavailable limit-reached"),
    r("GET /api/v1/chat/conversations", "List conversations, the last one spoken in first", "limit:200 cursor", "", "200 Conversations", "invalid-cursor"),
    r("GET /api/v1/chat/conversations/{id}", "Read a conversation", "", "", "200 Conversation", ""),
    r("DELETE /api/v1/chat/conversations/{id}", "Delete a conversation", "", "", "204", ""),
    r("GET /api/v1/webhooks", "List your webhooks", "", "", "200 Webhooks", ""),
    r("POST /api/v1/webhooks", "Make a webhook; its secret is shown once", "", "NewWebhook", "201 Webhook", "forbidden-address limit-reached"),
    r("GET /api/v1/webhooks/{id}", "Read a webhook", "", "", "200 Webhook", ""),
    r("PATCH /api/v1/webhooks/{id}", "Change, pause or resume a webhook", "", "WebhookFields", "200 Webhook", "forbidden-address"),
    r("DELETE /api/v1/webhooks/{id}", "Delete a webhook", "", "", "204", ""),
    r("POST /api/v1/webhooks/{id}/rotate", "Make a new secret; old and new sign for 24 hours", "", "", "200 Secret", ""),
    r("POST /api/v1/webhooks/{id}/test", "Deliver a webhook.test now", "", "", "200 Tried", ""),
    r("POST /api/v1/webhooks/{id}/replay", "Deliver an event, or a span of them, again", "", "ReplayFields", "202 Queued", ""),
    r("GET /api/v1/webhooks/{id}/deliveries", "What was delivered, newest first", "delivery_status limit:200 cursor", "", "200 Deliveries", "invalid-cursor"),
    r("GET /api/v1/me", "Who you are, and your settings", "min_version", "", "200 Me", "view-behind"),
    r("PATCH /api/v1/me", "Change your settings", "", "MeFields", "200 Me", "invalid-zone channel-unavailable"),
    r("GET /api/v1/tokens", "List your personal tokens", "", "", "200 Tokens", ""),
    r("POST /api/v1/tokens", "Make a personal token; it is shown once", "", "TokenFields", "201 Token", "limit-reached"),
    r("DELETE /api/v1/tokens/{id}", "Revoke a personal token", "", "", "204", ""),
    r("POST /api/v1/session", "Begin a session by cookie", "", "SessionFields", "204", "unauthenticated forbidden-origin"),
    r("DELETE /api/v1/session", "End the session", "", "", "204", "forbidden-origin"),
    r("GET /health", "Whether the process lives", "", "", "200 Health", ""),
    r("GET /health/live", "The same", "", "", "200 Health", ""),
    r("GET /healthz", "The same", "", "", "200 Health", ""),
    r("GET /livez", "The same", "", "", "200 Health", ""),
    r("GET /ready", "Whether it can answer, and what is missing (503)", "", "", "200 Ready", "unavailable"),
    r("GET /health/ready", "The same", "", "", "200 Ready", "unavailable"),
    r("GET /readyz", "The same", "", "", "200 Ready", "unavailable"),
    r("GET /metrics", "Prometheus metrics", "", "", "200 Text", ""),
    r("GET /openapi.json", "This description", "", "", "200 Any", ""),
    r("GET /docs", "This description, to be read", "", "", "200 Page", ""),
    r("GET /.well-known/oauth-protected-resource", "Who gives credentials", "", "", "200 ProtectedResource", ""),
    r("GET /.well-known/oauth-protected-resource/mcp", "Who gives credentials for MCP", "", "", "200 ProtectedResource", ""),
    r("GET /dev/clock", "The test clock (TICKLER_TEST_CLOCK)", "", "", "200 Clock", "not-found"),
    r("PUT /dev/clock", "Set the test clock", "", "ClockFields", "200 Clock", "not-found"),
    r("POST /mcp", "MCP, Streamable HTTP", "", "JsonRpc", "200 Any", ""),
    r("GET /api/v1/tags", "List tags", "min_version", "", "200 TagList", "view-behind"),
    r("POST /api/v1/tags", "Make a tag", "", "TagFields", "201 Tag", "tag-exists idempotency-key-reused"),
    r("PUT /api/v1/tags/{name}", "Rename a tag on every task", "merge", "TagFields", "200 Tag", "tag-exists idempotency-key-reused"),
    r("DELETE /api/v1/tags/{name}", "Delete a tag", "force", "", "204", "tag-in-use idempotency-key-reused"),
    r("GET /api/v1/reminders", "List reminders, soonest first", "reminder_status task_id from to limit:500 cursor min_version", "", "200 Reminders", "invalid-cursor view-behind"),
    r("POST /api/v1/reminders", "Set a reminder on a task", "", "NewReminder", "201 Reminder", "no-due-date reminder-exists task-closed limit-reached channel-unavailable forbidden-address not-found idempotency-key-reused"),
    r("GET /api/v1/reminders/{id}", "Read a reminder", "min_version", "", "200 Reminder", "view-behind"),
    r("PUT /api/v1/reminders/{id}", "Move a reminder; it is pending again", "", "ReminderFields", "200 Reminder", "no-due-date reminder-exists task-closed idempotency-key-reused"),
    r("PATCH /api/v1/reminders/{id}", "Move a reminder; it is pending again", "", "ReminderFields", "200 Reminder", "no-due-date reminder-exists task-closed idempotency-key-reused"),
    r("DELETE /api/v1/reminders/{id}", "Take a reminder off its task", "", "", "200 Reminder", "idempotency-key-reused"),
    r("POST /api/v1/reminders/{id}/snooze", "Snooze a reminder", "", "Snooze", "200 Reminder", "reminder-closed idempotency-key-reused"),
    r("POST /api/v1/reminders/{id}/acknowledge", "Acknowledge a reminder that has fired", "", "", "200 Reminder", "reminder-closed idempotency-key-reused"),
    r("GET /api/v1/notifications", "The inbox, newest first", "unread limit:200 cursor min_version", "", "200 Inbox", "invalid-cursor view-behind"),
    r("POST /api/v1/notifications/{id}/read", "Mark an inbox entry as read", "", "", "200 Notification", "idempotency-key-reused"),
    r("POST /api/v1/notifications/read-all", "Mark the inbox as read", "", "", "204", "idempotency-key-reused"),
    r("PUT /api/v1/tasks/{id}/recurrence", "Make a task recur", "", "Rule", "200 Task", "recurrence-needs-due-date invalid-recurrence task-closed limit-reached idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/recurrence", "Make a task recur", "", "Rule", "200 Task", "recurrence-needs-due-date invalid-recurrence task-closed limit-reached idempotency-key-reused"),
    r("DELETE /api/v1/tasks/{id}/recurrence", "End a task's recurrence", "", "", "204", "idempotency-key-reused"),
    r("POST /api/v1/tasks/{id}/recurrence/cancel", "End a task's recurrence", "", "", "200 Task", "idempotency-key-reused"),
    r("GET /api/v1/recurrences", "List rules", "rule_status limit:200 cursor min_version", "", "200 Recurrences", "invalid-cursor view-behind"),
    r("POST /api/v1/recurrences", "Make a rule that makes tasks by the calendar", "", "NewRecurrence", "201 Recurrence", "invalid-recurrence invalid-zone limit-reached idempotency-key-reused"),
    r("GET /api/v1/recurrences/{id}", "Read a rule", "min_version", "", "200 Recurrence", "view-behind"),
    r("PUT /api/v1/recurrences/{id}", "Change what follows", "", "RecurrenceFields", "200 Recurrence", "invalid-recurrence invalid-zone rule-ended idempotency-key-reused"),
    r("PATCH /api/v1/recurrences/{id}", "Change what follows", "", "RecurrenceFields", "200 Recurrence", "invalid-recurrence invalid-zone rule-ended idempotency-key-reused"),
    r("DELETE /api/v1/recurrences/{id}", "Cancel a rule; open tasks stay", "", "", "204", "idempotency-key-reused"),
    r("POST /api/v1/recurrences/{id}/pause", "Pause a rule", "", "", "200 Recurrence", "rule-ended idempotency-key-reused"),
    r("POST /api/v1/recurrences/{id}/resume", "Resume a rule", "", "", "200 Recurrence", "rule-ended idempotency-key-reused"),
    r("POST /api/v1/recurrences/{id}/skip", "Skip a coming occurrence", "", "Occurrence", "200 Skipped", "rule-ended idempotency-key-reused"),
    r("GET /api/v1/recurrences/{id}/preview", "The coming occurrences of a rule", "n:100 min_version", "", "200 Preview", "view-behind"),
];
