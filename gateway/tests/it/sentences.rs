//! What people say to a chatbot, the tool call that it makes of it, and what must come of it.
//!
//! It is Monday 1 March 2027, 9 o'clock in Berlin. The rows are lived in this order.

use serde_json::{Value, json};

pub(crate) struct Sentence {
    pub(crate) said: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    /// Pointers into the result; a text that ends with `…` is a beginning.
    pub(crate) expected: Value,
}

fn row(said: &'static str, tool: &'static str, arguments: Value, expected: Value) -> Sentence {
    let short = expected.as_object().unwrap().iter().map(|(pointer, value)| {
        let whole = match pointer.starts_with("/isError") {
            true => pointer.clone(),
            false => format!("/structuredContent{pointer}"),
        };
        (whole, value.clone())
    });
    let expected = Value::Object(short.collect());
    Sentence { said, tool, arguments, expected }
}

pub(crate) fn sentences() -> Vec<Sentence> {
    let mut all = adding();
    all.extend(changing());
    all.extend(listing());
    all.extend(reminding());
    all.extend(ending());
    all.extend(refusing());
    all
}

#[rustfmt::skip]
fn adding() -> Vec<Sentence> {
    vec![
        row("Add bread to my list", "add_task", json!({"title": "Buy bread"}), json!({
            "/tasks/0/title": "Buy bread", "/tasks/0/number": 1, "/tasks/0/status": "pending",
            "/tasks/0/due_date": null, "/tasks/0/reminders": 0, "/failures": null,
        })),
        row("Call Ann tomorrow at 5 in the afternoon, it is important", "add_task",
            json!({"title": "Call Ann", "due_date": "tomorrow 5pm", "priority": "high"}),
            json!({"/tasks/0/due_date": "2027-03-02T17:00:00+01:00", "/tasks/0/priority": "high"})),
        row("Pay the rent on the 31st, every month", "add_task",
            json!({"title": "Pay rent", "due_date": "2027-03-31", "recurrence": "monthly"}),
            json!({"/tasks/0/recurrence": "monthly", "/tasks/0/due_date": "2027-03-31"})),
        row("Water the plants every monday and thursday at 8", "add_task",
            json!({"title": "Water the plants", "recurrence": "every monday and thursday at 8"}),
            json!({"/tasks/0/due_date": "2027-03-04T08:00:00+01:00",
                   "/tasks/0/recurrence/days": ["mon", "thu"]})),
        row("I need milk, eggs and butter", "add_task",
            json!({"tasks": [{"title": "Milk"}, {"title": "Eggs"}, {"title": "Butter", "tags": "dairy"}]}),
            json!({"/tasks/2/title": "Butter", "/tasks/2/tags": ["dairy"], "/tasks/2/number": 7})),
        row("Dentist on March 12 at 10:30, tell me an hour and a day before", "add_task",
            json!({"title": "Dentist", "due_date": "2027-03-12T10:30", "reminders": ["1h", "1 day before"]}),
            json!({"/tasks/0/reminders": 2, "/tasks/0/due_date": "2027-03-12T10:30:00+01:00"})),
        row("Call the Tokyo office at 9 their time on Friday", "add_task",
            json!({"title": "Call Tokyo", "due_date": "friday 9am", "zone": "Asia/Tokyo"}),
            json!({"/tasks/0/due_date": "2027-03-05T09:00:00+09:00"})),
        row("Add a task to file taxes, no rush", "create_task",
            json!({"title": "File taxes", "priority": "p4", "due_date": "", "tags": null, "notes": "no rush"}),
            json!({"/tasks/0/priority": "low", "/tasks/0/due_date": null})),
        row("Put out the bins today", "add_task",
            json!({"title": "Put out the bins", "due_date": "today", "tags": "[\"home\", \"bins\"]"}),
            json!({"/tasks/0/due_date": "2027-03-01", "/tasks/0/tags": ["home", "bins"]})),
        row("Vitamins daily, ten times, starting today", "add_task",
            json!({"title": "Vitamins", "due": "today", "recurring": "daily", "recurrence_count": "10"}),
            json!({"/tasks/0/recurrence/count": 10, "/tasks/0/due_date": "2027-03-01"})),
    ]
}

#[rustfmt::skip]
fn changing() -> Vec<Sentence> {
    vec![
        row("Make it rye bread", "update_task",
            json!({"task_id": "bread", "title": "Buy rye bread"}),
            json!({"/tasks/0/title": "Buy rye bread", "/tasks/0/number": 1})),
        row("The bread is urgent", "set_priority", json!({"id": "#1", "priority": "critical"}),
            json!({"/tasks/0/priority": "urgent"})),
        row("Tag the bread with food and shop", "add_tags", json!({"task": 1, "tags": "food, shop"}),
            json!({"/tasks/0/tags": ["food", "shop"]})),
        row("It is not for the shop", "update_task",
            json!({"task_id": "1", "remove_tags": ["shop"], "add_tags": ["bakery"]}),
            json!({"/tasks/0/tags": ["food", "bakery"]})),
        row("Move the call with Ann to Wednesday noon", "update_task",
            json!({"task_id": "call ann", "due_date": "wednesday noon"}),
            json!({"/tasks/0/due_date": "2027-03-03T12:00:00+01:00", "/tasks/0/priority": "high"})),
        row("The rent is due on the 1st of April instead", "update_task",
            json!({"task_id": "Pay rent", "due_date": "2027-04-01"}),
            json!({"/tasks/0/recurrence": "monthly", "/tasks/0/due_date": "2027-04-01"})),
        row("Never mind how important the call is", "update_task",
            json!({"task_id": "ann", "priority": "none"}), json!({"/tasks/0/priority": null})),
        row("Drop the date and the notes of the taxes", "update_task",
            json!({"task_id": "taxes", "clear": ["due_date", "description"]}),
            json!({"/tasks/0/due_date": null})),
        row("I am working on the taxes", "update_task",
            json!({"task_id": "taxes", "status": "doing"}), json!({"/tasks/0/status": "in_progress"})),
        row("Milk and eggs are for Saturday", "update_task",
            json!({"updates": [{"task_id": "milk", "due_date": "saturday"},
                               {"task_id": "eggs", "due_date": "saturday"}]}),
            json!({"/tasks/0/due_date": "2027-03-06", "/tasks/1/due_date": "2027-03-06"})),
        row("Do the vitamins every other day", "update_task",
            json!({"task_id": "vitamins", "recurrence": "every other day"}),
            json!({"/tasks/0/recurrence/interval": 2, "/tasks/0/due_date": "2027-03-01"})),
        row("The plants no longer repeat", "update_task",
            json!({"task_id": "plants", "recurrence": "none"}), json!({"/tasks/0/recurrence": null})),
    ]
}

#[rustfmt::skip]
fn listing() -> Vec<Sentence> {
    vec![
        row("What is up?", "list_tasks", json!({}),
            json!({"/total": 2, "/tasks/0/title": "Put out the bins", "/next_cursor": null})),
        row("What is due today?", "list_tasks", json!({"view": "today"}), json!({"/total": 2})),
        row("And in the next week?", "list_tasks", json!({"view": "next7"}), json!({"/total": 7})),
        row("What comes after today?", "list_tasks", json!({"view": "upcoming", "limit": 1}),
            json!({"/count": 1, "/total": 7, "/tasks/0/title": "Call Ann"})),
        row("What has no date?", "list_tasks", json!({"view": "no_date", "sort": "title", "order": "asc"}),
            json!({"/total": 3, "/tasks/0/title": "Butter"})),
        row("Anything overdue?", "list_tasks", json!({"view": "overdue"}),
            json!({"/total": 0, "/tasks": []})),
        row("What is on Saturday?", "list_tasks", json!({"due_date": "saturday"}), json!({"/total": 2})),
        row("Find everything about bread", "search_tasks", json!({"query": "BREAD"}),
            json!({"/total": 1, "/tasks/0/number": 1})),
        row("Show home and dairy things", "list_tasks", json!({"tags": "home,dairy"}), json!({"/total": 2})),
        row("What must happen before Friday?", "list_tasks",
            json!({"status": "open", "due_before": "2027-03-04", "sort_by": "due_date", "sort_order": "asc"}),
            json!({"/total": 4, "/tasks/3/title": "Water the plants"})),
        row("Sort my open tasks by priority", "sort_tasks", json!({"view": "open", "by": "priority"}),
            json!({"/tasks/0/title": "Buy rye bread", "/tasks/0/priority": "urgent"})),
        row("Tell me all about the taxes", "list_tasks", json!({"search": "taxes", "detail": "full"}),
            json!({"/tasks/0/description": null, "/tasks/0/user_id": "dev"})),
    ]
}

#[rustfmt::skip]
fn reminding() -> Vec<Sentence> {
    vec![
        row("Remind me of Ann 30 minutes before", "set_reminder",
            json!({"task_id": "ann", "lead_time": "30 minutes before"}),
            json!({"/reminders/0/lead_time": "30min", "/reminders/0/remind_at": "2027-03-03T10:30:00.000Z"})),
        row("Remind me of the bread in 20 minutes", "schedule_reminder",
            json!({"task": "bread", "reminder_time": "in 20 minutes"}),
            json!({"/reminders/0/remind_at": "2027-03-01T08:2…", "/reminders/0/status": "pending"})),
        row("Give the bread reminder ten more minutes", "set_reminder",
            json!({"task_id": "bread", "snooze_minutes": "30"}),
            json!({"/reminders/0/remind_at": "2027-03-01T08:30…"})),
        row("Which reminders are coming?", "list_reminders", json!({"status": "pending"}),
            json!({"/count": 4, "/reminders/0/task_title": "Buy rye bread"})),
        row("Which on Wednesday?", "list_reminders", json!({"from": "wednesday", "to": "wednesday"}),
            json!({"/count": 1})),
        row("Do not remind me of the dentist", "cancel_reminder", json!({"task_id": "dentist"}),
            json!({"/reminders/0/status": "cancelled", "/reminders/1/status": "cancelled"})),
    ]
}

#[rustfmt::skip]
fn ending() -> Vec<Sentence> {
    vec![
        row("I have the bread", "complete_task", json!({"task_id": "bread"}),
            json!({"/tasks/0/completed": true, "/tasks/0/next": null})),
        row("Took my vitamins", "complete_task", json!({"task_id": "vitamins"}),
            json!({"/tasks/0/next/due_date": "2027-03-03", "/tasks/0/next/status": "pending"})),
        row("Skip the next vitamins", "complete_task", json!({"task_id": "vitamins", "skip": true}),
            json!({"/tasks/0/status": "cancelled", "/tasks/0/next/due_date": "2027-03-05"})),
        row("Milk and eggs are in the fridge", "complete_task", json!({"tasks": ["milk", "eggs"]}),
            json!({"/tasks/0/status": "completed", "/tasks/1/title": "Eggs"})),
        row("No, the eggs are not", "complete_task", json!({"task_id": "eggs", "undo": "true"}),
            json!({"/tasks/0/status": "pending", "/tasks/0/next": null})),
        row("Forget the call to Tokyo", "delete_task", json!({"task_id": "tokyo"}),
            json!({"/tasks/0/deleted": true, "/tasks/0/title": "Call Tokyo"})),
        row("No, keep it", "delete_task", json!({"task_id": "tokyo", "undo": true}),
            json!({"/tasks/0/title": "Call Tokyo", "/tasks/0/status": "pending"})),
        row("What have I done?", "list_tasks", json!({"view": "completed"}), json!({"/total": 3})),
    ]
}

#[rustfmt::skip]
fn refusing() -> Vec<Sentence> {
    vec![
        row("Delete the call", "delete_task", json!({"task_id": "call"}), json!({
            "/isError": true, "/failures/0/code": "ambiguous",
            "/failures/0/candidates/1/title": "Call Tokyo", "/tasks": null,
        })),
        row("Complete butter and the moon", "complete_task", json!({"tasks": ["butter", "moon"]}),
            json!({"/isError": false, "/tasks/0/title": "Butter", "/failures/0/index": 1,
                   "/failures/0/code": "not-found"})),
        row("Repeat the laundry weekly", "add_task", json!({"title": "Laundry", "recurrence": "weekly"}),
            json!({"/isError": true, "/failures/0/code": "recurrence-needs-due-date"})),
        row("Remind me of the taxes an hour before", "set_reminder",
            json!({"task_id": "taxes", "lead_time": "1h"}),
            json!({"/isError": true, "/failures/0/code": "no-due-date"})),
        row("Add it in blue", "add_task", json!({"title": "Paint", "colour": "blue"}),
            json!({"/isError": true, "/failures/0/code": "invalid",
                   "/failures/0/message": "There is no argument \"colour\"."})),
        row("Add it for somebody else", "add_task", json!({"title": "Paint", "user_id": "ann"}),
            json!({"/isError": true, "/failures/0/code": "wrong-user"})),
        row("Delete number 99", "delete_task", json!({"task_id": 99}),
            json!({"/isError": true, "/failures/0/code": "not-found"})),
        row("Delete it", "delete_task", json!({}), json!({"/isError": true, "/failures/0/code": "invalid"})),
        row("Do it some day", "add_task", json!({"title": "Paint", "due_date": "some day"}),
            json!({"/isError": true, "/failures/0/code": "invalid"})),
        row("Change the bread I saw before", "update_task",
            json!({"task_id": 1, "title": "Bread", "if_version": 1}),
            json!({"/isError": true, "/failures/0/code": "stale"})),
        row("Show me two hundred", "list_tasks", json!({"limit": 200}),
            json!({"/isError": true, "/failures/0/code": "invalid"})),
    ]
}
