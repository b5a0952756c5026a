//! The tools of reminders: set, change, snooze, cancel, list.

use actors::{
    Failure,
    message::{
        reminder::{self, Query, Reminder, SnoozeUntil, Status},
        task::{
            Task,
            command::{self, Reply, TaskRef},
        },
    },
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    args::{self, Args, items},
    english::English,
    lines,
    names::Tool,
    refs::{self, Among},
    result::{Item, Outcome, Refusal},
    scene::Scene,
    write::{object, within},
};
use crate::{
    fields::{Reader, Spelling, reminder as fields, value},
    params::Params,
    problem::Problem,
    reminders,
};

/// What says when and how a new reminder comes.
const FIELDS: [&str; 8] = [
    "lead_time",
    "reminder_offset",
    "remind_at",
    "reminder_at",
    "reminderAt",
    "channels",
    "webhook_url",
    "email_address",
];

/// `set_reminder`
pub(super) async fn set(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let mut wanted = args.whole("reminders")?;
    if !args.map.is_empty() || wanted.is_empty() {
        wanted.insert(0, Value::Object(args.map));
    }
    within(wanted.len())?;
    let mut results = Vec::with_capacity(wanted.len());
    for (part, item) in wanted.into_iter().enumerate() {
        results.push(set_one(scene, part, item).await);
    }
    Ok(Outcome::of("reminders", results))
}

async fn set_one(scene: &Scene<'_>, part: usize, item: Value) -> Result<Item, Refusal> {
    if let Some(Reply::Reminder(reminder)) = scene.replayed(part).await? {
        return Ok(shown(scene, "Set", &reminder));
    }
    let mut map = object(item)?;
    args::check_user(&mut map, scene.user())?;
    let mut args = Args::new(map, &[Tool::SetReminder.synonyms()])?;
    let named = args.take("task_id");
    let reminder = args.text("reminder_id")?;
    let snooze = args.integer("snooze_minutes", 1, reminders::SNOOZE_MINUTES_MAX)?;
    English { now: scene.now, zone: scene.zone }.reminder(&mut args.map);
    if let Some(minutes) = snooze {
        args.finish()?;
        let reminder = match reminder {
            Some(id) => id_of(&id)?,
            None => latest(scene, named.as_ref()).await?.id,
        };
        let until = SnoozeUntil::Minutes(minutes);
        let command = reminder::Command::Snooze { reminder, until, expect: None };
        let told = reminders::tell(scene.app(), scene.caller(), &scene.how(part), command).await;
        return done(scene, "Snoozed", told.map(|done| done.reply));
    }
    if let Some(id) = reminder {
        return change(scene, part, &id, &args).await;
    }
    let task = refs::find(scene, &refs::text(named.as_ref())?, Among::Open).await?;
    let known = |name: &str| FIELDS.contains(&name);
    args::unknown(args.map.keys().map(String::as_str).filter(|name| !known(name)))?;
    let draft = fields::draft(&args.map, scene.user(), Spelling::Tolerant)?;
    let command = command::Command::SetReminder { task: TaskRef::Id(task.id), draft };
    let told = reminders::set(scene.app(), scene.caller(), &scene.how(part), command).await;
    done(scene, "Set", told.map(|done| done.reply))
}

/// Gives a reminder another time or other channels.
async fn change(scene: &Scene<'_>, part: usize, id: &str, args: &Args) -> Result<Item, Refusal> {
    let id = id_of(id)?;
    let mut reader = Reader::new(&args.map, scene.user(), Spelling::Tolerant)?;
    let at = fields::when(&mut reader, false);
    let channels = reader.field(&["channels"], fields::channels).flatten();
    let (_, ignored) = reader.finish()?;
    args::unknown(ignored.iter().map(String::as_str))?;
    if at.is_none() && channels.is_none() {
        return Err(Refusal::invalid("Say what is to change: lead_time, remind_at or channels."));
    }
    let how = scene.how(part);
    let new = reminders::NewTime { at, channels, sent_back: false };
    let told = reminders::change(scene.app(), scene.caller(), &how, id, new, None).await;
    done(scene, "Set", told.map(|done| done.reply))
}

/// `cancel_reminder`
pub(super) async fn cancel(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let mut named = args.whole("reminders")?;
    if let Some(one) = args.take("reminder_id") {
        named.insert(0, one);
    }
    let task = args.take("task_id");
    args.finish()?;
    let before = cancelled_before(scene).await?;
    if !before.is_empty() {
        return Ok(Outcome::of("reminders", before));
    }
    let mut ids: Vec<Result<Uuid, Refusal>> = Vec::new();
    for named in named {
        ids.extend(match named {
            Value::Object(object) => {
                let id = object.get("reminder_id").or_else(|| object.get("id"));
                vec![id_of(id.and_then(Value::as_str).unwrap_or_default())]
            }
            // An id holds no commas.
            other => {
                items(other).iter().map(|item| id_of(item.as_str().unwrap_or_default())).collect()
            }
        });
    }
    match task {
        Some(task) => ids.extend(pending_of(scene, &task).await?.into_iter().map(Ok)),
        None if ids.is_empty() => {
            return Err(Refusal::invalid("Say which: reminder_id, or task_id for all of a task."));
        }
        None => {}
    }
    within(ids.len())?;
    let mut results = Vec::with_capacity(ids.len());
    for (part, id) in ids.into_iter().enumerate() {
        let result = match id {
            Err(refusal) => Err(refusal),
            Ok(id) => {
                let how = scene.how(part);
                let told = reminders::take_off(scene.app(), scene.caller(), &how, id, None).await;
                done(scene, "Cancelled", told.map(|done| done.reply))
            }
        };
        results.push(result);
    }
    Ok(Outcome::of("reminders", results))
}

/// What this call cancelled before, under its key.
async fn cancelled_before(scene: &Scene<'_>) -> Result<Vec<Result<Item, Refusal>>, Refusal> {
    let mut results = Vec::new();
    while let Some(Reply::Reminder(known)) = scene.replayed(results.len()).await? {
        let now = reminders::get(scene.app(), scene.user(), known.id, 0).await;
        results.push(done(scene, "Cancelled", now.map(|found| found.answer)));
    }
    Ok(results)
}

/// The pending reminders of a task; an id that is no task's may be a reminder's.
async fn pending_of(scene: &Scene<'_>, named: &Value) -> Result<Vec<Uuid>, Refusal> {
    let text = refs::text(Some(named))?;
    let task = match (refs::find(scene, &text, Among::Open).await, value::id(&text)) {
        (Ok(task), _) => task,
        (Err(_), Some(id)) => return Ok(vec![id]),
        (Err(refusal), None) => return Err(refusal),
    };
    let pending: Vec<Uuid> = of_task(scene, &task, vec![Status::Pending])
        .await?
        .into_iter()
        .map(|reminder| reminder.id)
        .collect();
    if pending.is_empty() {
        let why = format!("{} has no pending reminder.", lines::name(&task));
        return Err(Refusal::new(Problem::not_found().slug.code(), why));
    }
    Ok(pending)
}

/// The reminder of a task that one snoozes without saying which: the one that came last, else the next to come.
async fn latest(scene: &Scene<'_>, named: Option<&Value>) -> Result<Reminder, Refusal> {
    let task = refs::find(scene, &refs::text(named)?, Among::Open).await?;
    let mut found = of_task(scene, &task, vec![Status::Triggered, Status::Pending]).await?;
    let last = found.iter().rposition(|reminder| reminder.status == Status::Triggered);
    match (last, found.is_empty()) {
        (Some(last), _) => Ok(found.swap_remove(last)),
        (None, false) => Ok(found.swap_remove(0)),
        (None, true) => {
            let why = format!("{} has no reminder to snooze.", lines::name(&task));
            Err(Refusal::new(Problem::not_found().slug.code(), why))
        }
    }
}

async fn of_task(
    scene: &Scene<'_>,
    task: &Task,
    status: Vec<Status>,
) -> Result<Vec<Reminder>, Refusal> {
    let limit = reminders::PAGE_MAX as usize;
    let (task, from, to, cursor) = (Some(task.id), None, None, None);
    let query = Query::List { status, task, from, to, limit, cursor };
    let page = reminders::list(scene.app(), scene.user(), query, 0).await;
    Ok(page.map_err(|failure| Refusal::failed(failure, scene.user()))?.reminders)
}

/// `list_reminders`
pub(super) async fn list(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let english = English { now: scene.now, zone: scene.zone };
    let named = args.take("task_id");
    let limit = args.integer("limit", 1, reminders::PAGE_MAX as i64)?;
    let limit = limit.unwrap_or(reminders::PAGE as i64) as usize;
    let mut given = Vec::new();
    for (name, value) in std::mem::take(&mut args.map) {
        let value = match (name.as_str(), value) {
            ("from" | "to", Value::String(text)) => {
                value::when(&text).err().and_then(|_| english.date(&text)).unwrap_or(text)
            }
            ("status", value) => {
                let word = |item: Value| item.as_str().unwrap_or_default().to_owned();
                let words: Vec<String> = items(value).into_iter().map(word).collect();
                if words.iter().any(|word| word == "all") { String::new() } else { words.join(",") }
            }
            (_, Value::String(text)) => text,
            (_, other) => other.to_string(),
        };
        given.push((name, value));
    }
    let mut params = Params::of(given);
    let status = params.list("status", reminders::status);
    let bounds = (params.read("from", value::when), params.read("to", value::when));
    let cursor = params.take("cursor");
    params.finish()?;
    let user = scene.user();
    let refused = |failure: Failure| Refusal::failed(failure, user);
    let (from, to) = reminders::instants(scene.app(), user, bounds).await.map_err(refused)?;
    let task = match named {
        None => None,
        Some(named) => Some(filtered(scene, &refs::text(Some(&named))?).await?),
    };
    let query = Query::List { status, task, from, to, limit, cursor };
    let page = reminders::list(scene.app(), user, query, 0).await.map_err(refused)?;
    let shown = page.reminders.iter().map(|reminder| item(scene, reminder)).collect();
    let mut beside = Map::new();
    beside.insert("count".to_owned(), json!(page.count));
    beside.insert("next_cursor".to_owned(), json!(page.next));
    Ok(Outcome::list("reminders", shown, beside))
}

/// The task that a filter names; an id or a number that nobody has leads to an empty list.
async fn filtered(scene: &Scene<'_>, text: &str) -> Result<Uuid, Refusal> {
    let found = refs::find(scene, text, Among::Open).await;
    let exact = value::task_ref(text.strip_prefix('#').unwrap_or(text)).is_some();
    match found {
        Ok(task) => Ok(task.id),
        Err(refusal) if exact && refusal.is_absence() => Ok(Uuid::nil()),
        Err(refusal) => Err(refusal),
    }
}

fn id_of(text: &str) -> Result<Uuid, Refusal> {
    value::id(text.trim()).ok_or_else(|| Problem::not_found().into())
}

fn item(scene: &Scene<'_>, reminder: &Reminder) -> Item {
    let shown = lines::reminder(reminder, scene.user());
    Item { shown, line: lines::reminder_line(reminder, scene.zone) }
}

fn shown(scene: &Scene<'_>, verb: &str, reminder: &Reminder) -> Item {
    let Item { shown, line } = item(scene, reminder);
    Item { shown, line: format!("{verb}: {line}") }
}

fn done(
    scene: &Scene<'_>,
    verb: &str,
    told: Result<Box<Reminder>, Failure>,
) -> Result<Item, Refusal> {
    match told {
        Ok(reminder) => Ok(shown(scene, verb, &reminder)),
        Err(failure) => Err(Refusal::failed(failure, scene.user())),
    }
}
