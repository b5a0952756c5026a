//! What can be done with tasks, the same for HTTP and MCP: typed values in, typed results out.

use std::sync::Arc;

use actors::{
    Answered, Done, Failure,
    message::{
        key::UserId,
        task::{
            Task,
            command::{self, Command, Operation, Reply, TaskRef},
            query::{Answer, List, Query},
        },
    },
};

use tokio::time::{Duration, Instant, sleep};

use crate::{
    app::{App, How},
    identity::Caller,
    shelf,
};

/// A page of tasks.
#[derive(Debug)]
pub(crate) struct Page {
    /// The tasks.
    pub(crate) tasks: Vec<Arc<Task>>,
    /// How many match in all.
    pub(crate) total: usize,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

/// Takes a result apart whose variant is the command's.
macro_rules! expect_variant {
    ($told:expr, $pattern:pat => $value:expr) => {{
        let actors::Done { reply, version, replayed } = $told;
        match reply {
            $pattern => Ok(actors::Done { reply: $value, version, replayed }),
            other => Err($crate::tasks::unexpected(&other)),
        }
    }};
}

pub(crate) use expect_variant;

/// An actor answered something else than was asked.
pub(crate) fn unexpected(answer: &impl std::fmt::Debug) -> Failure {
    let mut shown = format!("{answer:?}");
    shown.truncate(shown.find(['(', ' ', '{']).unwrap_or(0));
    Failure::Broken(format!("an actor replied with {shown}, which was not asked for"))
}

/// Does one operation on a task.
pub(crate) async fn operate(
    app: &App,
    caller: &Caller,
    how: &How,
    operation: Operation,
) -> Result<Done<command::Done>, Failure> {
    change(app, caller, how, Command::One { operation }).await
}

/// Gives any command whose reply is a task.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    how: &How,
    command: Command,
) -> Result<Done<command::Done>, Failure> {
    let told = app.tell(caller, how, command).await?;
    expect_variant!(told, Reply::Task(done) => done)
}

/// Does several operations in one turn.
pub(crate) async fn batch(
    app: &App,
    caller: &Caller,
    how: &How,
    atomic: bool,
    operations: Vec<Operation>,
) -> Result<Done<Vec<Result<Reply, actors::message::rejection::Rejection>>>, Failure> {
    let told = app.tell(caller, how, Command::Batch { atomic, operations }).await?;
    expect_variant!(told, Reply::Batch(results) => results)
}

/// One task that is not deleted.
pub(crate) async fn get(
    app: &App,
    user: &UserId,
    task: TaskRef,
    min_version: u64,
) -> Result<Answered<Arc<Task>>, Failure> {
    let Answered { answer, version } =
        app.ask(user, Query::Task { task, deleted: false }, min_version).await?;
    match answer {
        Answer::Task(task) => Ok(Answered { answer: task, version }),
        other => Err(unexpected(&other)),
    }
}

/// One task, deleted or not.
pub(crate) async fn any(app: &App, user: &UserId, task: TaskRef) -> Result<Arc<Task>, Failure> {
    match app.ask(user, Query::Task { task, deleted: true }, 0).await?.answer {
        Answer::Task(task) => Ok(task),
        other => Err(unexpected(&other)),
    }
}

/// A page of tasks.
pub(crate) async fn list(
    app: &App,
    user: &UserId,
    list: List,
    min_version: u64,
) -> Result<Answered<Page>, Failure> {
    let Answered { answer, version } =
        app.ask(user, Query::List { list: Box::new(list) }, min_version).await?;
    match answer {
        Answer::List { tasks, total, next } => {
            Ok(Answered { answer: Page { tasks, total, next }, version })
        }
        other => Err(unexpected(&other)),
    }
}

/// How long an answer waits for a change of many tasks, and how often it looks.
const SETTLED_MS: u64 = 4_000;
const LOOK_MS: u64 = 10;

/// Waits until a change of a tag or of the settings has reached every task, for hundreds follow in turns of their own, and
/// answers the sequence that shows it; where that takes long, the one of the change, and the others follow.
pub(crate) async fn settled(app: &App, user: &UserId, changed: u64) -> u64 {
    let until = Instant::now() + Duration::from_millis(SETTLED_MS);
    while Instant::now() < until {
        match app.ask(user, Query::IsSettled, changed).await {
            Ok(Answered { answer: Answer::IsSettled(true), version }) => return version,
            Ok(Answered { answer: Answer::IsSettled(false), .. }) => {
                sleep(Duration::from_millis(LOOK_MS)).await;
            }
            // It is done all the same.
            _ => break,
        }
    }
    changed
}

/// What filters of a user's tasks depend on besides the tasks.
pub(crate) async fn owner(
    app: &App,
    user: &UserId,
    min_version: u64,
) -> Result<shelf::Owner, Failure> {
    let Answered { answer, version } = app.ask(user, Query::Settings, min_version).await?;
    match answer {
        Answer::Settings { settings, .. } => {
            let (now, default_zone) = (app.actors.now(), app.config.zone);
            Ok(shelf::Owner { settings, version, now, default_zone })
        }
        other => Err(unexpected(&other)),
    }
}
