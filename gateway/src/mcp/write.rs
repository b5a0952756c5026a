//! The tools that change tasks: every item becomes one operation, and all of a call one command.

use std::sync::Arc;

use actors::{
    Failure,
    message::{
        rejection::Rejection,
        task::{
            Task,
            command::{self, Operation, Reply, Scope},
        },
    },
};
use serde_json::{Map, Value, json};

use super::{
    args::{self, Args},
    english::{DUE, English, RULE},
    lines::{self, Detail},
    names::Tool,
    refs::{self, Among},
    result::{Item, Outcome, Refusal},
    scene::{NOBODY, Scene},
};
use crate::{
    fields::{
        Object, Sent, Spelling, as_sent, task as fields,
        value::{self, quoted},
    },
    problem::{Problem, Slug},
    tasks,
};

/// What can be cleared, and what each is called in a patch.
const CLEARABLE: [&str; 6] =
    ["description", "due_date", "priority", "tags", "recurrence", "reminders"];

/// An operation that is ready, with its names as they were sent.
type Prepared = Result<(Operation, Sent), Refusal>;

/// `add_task`
pub(super) async fn add(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let mut items = args.whole("tasks")?;
    if !args.map.is_empty() || items.is_empty() {
        items.insert(0, Value::Object(args.map));
    }
    within(items.len())?;
    let prepared = items.into_iter().map(|item| draft(scene, item)).collect();
    run(scene, prepared, |done| shown(scene, "Added", done)).await
}

fn draft(scene: &Scene<'_>, item: Value) -> Prepared {
    let mut map = match item {
        Value::String(title) => Map::from_iter([("title".to_owned(), json!(title))]),
        item => object(item)?,
    };
    args::check_user(&mut map, scene.user())?;
    let mut map = Args::new(map, &[Tool::Add.synonyms()])?.map;
    nones(&mut map);
    map.retain(|_, value| !value.is_null());
    English { now: scene.now, zone: scene.zone }.task(&mut map, None);
    let fields = fields::draft(&map, scene.user(), Spelling::Tolerant)?;
    args::unknown(fields.ignored.iter().map(String::as_str))?;
    Ok((Operation::Create { draft: Box::new(fields.patch) }, fields.sent))
}

/// `update_task`
pub(super) async fn update(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    if let Some(outcome) = replayed(scene, |done| shown(scene, "Changed", done)).await? {
        return Ok(outcome);
    }
    let mut items = args.whole("updates")?;
    if !args.map.is_empty() || items.is_empty() {
        items.insert(0, Value::Object(args.map));
    }
    within(items.len())?;
    let mut prepared = Vec::with_capacity(items.len());
    for item in items {
        prepared.push(patch(scene, item).await);
    }
    run(scene, prepared, |done| shown(scene, "Changed", done)).await
}

async fn patch(scene: &Scene<'_>, item: Value) -> Prepared {
    let mut map = object(item)?;
    args::check_user(&mut map, scene.user())?;
    let mut args = Args::new(map, &[Tool::Update.synonyms()])?;
    let named = args.take("task_id");
    let scope = args.read("scope", |value| fields::edit_scope(value::text(value)?))?;
    let expect = args.integer("if_version", 0, i64::MAX)?;
    let tags = |value: &Value| {
        fields::tag_list(value, Spelling::Tolerant).map_err(|(_, faults)| {
            let fault = faults.into_iter().next();
            fault.map_or((actors::message::fault::Code::Invalid, String::new()), |fault| {
                (fault.code, fault.detail)
            })
        })
    };
    let add_tags = args.read("add_tags", tags)?.unwrap_or_default();
    let remove_tags = args.read("remove_tags", tags)?.unwrap_or_default();
    let clear = args.list("clear");
    let mut map = args.map;
    nones(&mut map);
    cleared(&mut map, &clear)?;
    let task = refs::find(scene, &refs::text(named.as_ref())?, Among::Open).await?;
    if map.is_empty() && add_tags.is_empty() && remove_tags.is_empty() {
        return Err(Refusal::invalid("Say what is to change."));
    }
    English { now: scene.now, zone: scene.zone }.task(&mut map, Some(&task));
    let fields = fields::patch(&map, scene.user(), Spelling::Tolerant)?;
    args::unknown(fields.ignored.iter().map(String::as_str))?;
    let mut patch = Box::new(fields.patch);
    (patch.add_tags, patch.remove_tags) = (add_tags, remove_tags);
    let (task, scope) = (command::TaskRef::Id(task.id), scope.unwrap_or_default());
    let expect = expect.and_then(|version| u64::try_from(version).ok());
    Ok((Operation::Edit { task, patch, scope, expect }, fields.sent))
}

/// `none` clears a due date, a priority or a rule.
fn nones(map: &mut Object) {
    for name in DUE.iter().chain(&RULE).chain(&["priority"]) {
        if let Some(value) = map.get_mut(*name)
            && value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("none"))
        {
            *value = Value::Null;
        }
    }
}

/// Clears what `clear` names.
fn cleared(map: &mut Object, clear: &[Value]) -> Result<(), Refusal> {
    for name in clear {
        let name = name.as_str().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(name) = CLEARABLE.into_iter().find(|known| *known == name) else {
            let why = format!("clear: {} is none of {}.", quoted(&name), CLEARABLE.join(", "));
            return Err(Refusal::invalid(why));
        };
        if map.get(name).is_some_and(|value| !value.is_null()) {
            return Err(Refusal::invalid(format!("{name} is set and cleared at once.")));
        }
        map.insert(name.to_owned(), Value::Null);
    }
    Ok(())
}

/// `complete_task`
pub(super) async fn complete(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let (undo, skip) = (args.boolean("undo")?, args.boolean("skip")?);
    if undo && skip {
        return Err(Refusal::invalid("undo and skip cannot both be true."));
    }
    let (verb, among) = match (undo, skip) {
        (true, _) => ("Reopened", Among::Closed),
        (_, true) => ("Skipped", Among::Open),
        _ => ("Done", Among::Open),
    };
    let show = |done: &command::Done| {
        let mut item = shown(scene, verb, done);
        if !undo {
            item.shown["next"] = match &done.next {
                None => Value::Null,
                Some(next) => lines::task(next, scene.user(), Detail::Short),
            };
        }
        item
    };
    each(scene, args, among, show, |task| {
        let (task, expect) = (command::TaskRef::Id(task.id), None);
        match (undo, skip) {
            (true, _) => Operation::Reopen { task, expect },
            (_, true) => Operation::Skip { task, expect },
            _ => Operation::Complete { task, expect },
        }
    })
    .await
}

/// `delete_task`
pub(super) async fn delete(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    if args.boolean("undo")? {
        let show = |done: &command::Done| shown(scene, "Restored", done);
        return each(scene, args, Among::Deleted, show, |task| Operation::Restore {
            task: command::TaskRef::Id(task.id),
            expect: None,
        })
        .await;
    }
    let show = |done: &command::Done| {
        let command::Done { task, .. } = done;
        let shown = json!({
            "task_id": task.id, "number": task.number, "title": task.title, "deleted": true,
        });
        Item { shown, line: format!("Deleted: {}", lines::name(task)) }
    };
    each(scene, args, Among::Open, show, |task| Operation::Delete {
        task: command::TaskRef::Id(task.id),
        scope: Scope::default(),
        expect: None,
    })
    .await
}

/// One operation on each task that is named.
async fn each(
    scene: &Scene<'_>,
    mut args: Args,
    among: Among,
    show: impl Fn(&command::Done) -> Item,
    operation: impl Fn(&Arc<Task>) -> Operation,
) -> Result<Outcome, Refusal> {
    let mut named = args.whole("tasks")?;
    if let Some(one) = args.take("task_id") {
        named.insert(0, one);
    }
    args.finish()?;
    if let Some(outcome) = replayed(scene, &show).await? {
        return Ok(outcome);
    }
    if named.is_empty() {
        named.push(Value::Null);
    }
    within(named.len())?;
    let mut prepared = Vec::with_capacity(named.len());
    for named in named {
        let found = match refs::text(Some(&named)) {
            Ok(text) => refs::find(scene, &text, among).await,
            Err(refusal) => Err(refusal),
        };
        prepared.push(found.map(|task| (operation(&task), Sent::new())));
    }
    run(scene, prepared, show).await
}

/// An argument that must be an object, perhaps as JSON text.
pub(super) fn object(value: Value) -> Result<Object, Refusal> {
    match value {
        Value::Object(object) => Ok(object),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Refusal::invalid("Each item is an object with the fields of the tool.")),
        },
        _ => Err(Refusal::invalid("Each item is an object with the fields of the tool.")),
    }
}

/// Refuses too many items.
pub(super) fn within(items: usize) -> Result<(), Refusal> {
    if items <= args::ITEMS_MAX {
        return Ok(());
    }
    let why = format!("One call has at most {} items.", args::ITEMS_MAX);
    Err(Refusal::new(Slug::LimitReached.code(), why))
}

/// What was answered to this call before, under its key.
async fn replayed(
    scene: &Scene<'_>,
    show: impl Fn(&command::Done) -> Item,
) -> Result<Option<Outcome>, Refusal> {
    let Some(reply) = scene.replayed(0).await? else { return Ok(None) };
    let results = match reply {
        Reply::Batch(results) => results,
        reply => vec![Ok(reply)],
    };
    let results = results.into_iter().map(|result| became(scene, result, &Sent::new(), &show));
    Ok(Some(Outcome::of("tasks", results.collect())))
}

/// Does what is ready, in one turn; what is not stays a failure at its place.
async fn run(
    scene: &Scene<'_>,
    prepared: Vec<Prepared>,
    show: impl Fn(&command::Done) -> Item,
) -> Result<Outcome, Refusal> {
    let (app, caller, how) = (scene.app(), scene.caller(), scene.how(0));
    if prepared.iter().all(Result::is_err) {
        let refusals = prepared.into_iter().filter_map(Result::err).map(Err);
        return Ok(Outcome::of("tasks", refusals.collect()));
    }
    if prepared.len() == 1 {
        let mut results = Vec::new();
        for ready in prepared {
            let (operation, sent) = ready?;
            results.push(match tasks::operate(app, caller, &how, operation).await {
                Ok(done) => Ok(show(&done.reply)),
                Err(Failure::Rejected(why)) => became(scene, Err(*why), &sent, &show),
                Err(failure) => Err(Refusal::failed(failure, scene.user())),
            });
        }
        return Ok(Outcome::of("tasks", results));
    }
    let mut operations = Vec::with_capacity(prepared.len());
    let mut places = Vec::with_capacity(prepared.len());
    for ready in prepared {
        match ready {
            Ok((operation, sent)) => {
                operations.push(operation);
                places.push(Ok(sent));
            }
            Err(refusal) => {
                // Keeps the places of the others, so that a repeat under the same key is answered alike.
                operations.push(Operation::Complete { task: NOBODY, expect: None });
                places.push(Err(refusal));
            }
        }
    }
    let done = tasks::batch(app, caller, &how, false, operations).await;
    let done = done.map_err(|failure| Refusal::failed(failure, scene.user()))?;
    let results = places.into_iter().zip(done.reply).map(|(place, outcome)| match place {
        Ok(sent) => became(scene, outcome, &sent, &show),
        Err(refusal) => Err(refusal),
    });
    Ok(Outcome::of("tasks", results.collect()))
}

/// What became of one operation.
fn became(
    scene: &Scene<'_>,
    outcome: Result<Reply, Rejection>,
    sent: &Sent,
    show: impl Fn(&command::Done) -> Item,
) -> Result<Item, Refusal> {
    match outcome {
        Ok(Reply::Task(done)) => Ok(show(&done)),
        Ok(other) => Err(Refusal::failed(tasks::unexpected(&other), scene.user())),
        Err(why) => Err(as_sent(Problem::rejected(why, scene.user()), sent).into()),
    }
}

/// A task after a change, and the next occurrence if the change made one.
fn shown(scene: &Scene<'_>, verb: &str, done: &command::Done) -> Item {
    let command::Done { task, next, .. } = done;
    let mut shown = lines::task(task, scene.user(), Detail::Short);
    let mut line = format!("{verb}: {}", lines::line(task));
    if let Some(next) = next {
        shown["next"] = lines::task(next, scene.user(), Detail::Short);
        line = format!("{line}; next: {}", lines::name(next));
    }
    Item { shown, line }
}
