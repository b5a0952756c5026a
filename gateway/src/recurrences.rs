//! What can be done with rules, the same for HTTP and MCP.

use std::sync::Arc;

use actors::{
    Answered, Done, Failure,
    message::{
        key::UserId,
        series::Series,
        task::{
            command::{Command, Reply},
            query::{Answer, Occurrence, Query},
        },
        time::Local,
    },
};
use uuid::Uuid;

use crate::{
    app::{App, How},
    identity::Caller,
    tasks::unexpected,
};

/// A rule after a change; after a skip also what was skipped and what comes next.
#[derive(Debug)]
pub(crate) struct Changed {
    /// The rule.
    pub(crate) series: Arc<Series>,
    /// The occurrence that was skipped.
    pub(crate) skipped: Option<Local>,
    /// The next occurrence.
    pub(crate) next: Option<Local>,
}

/// What is to come of a rule.
#[derive(Debug)]
pub(crate) struct Preview {
    /// The next occurrences.
    pub(crate) occurrences: Vec<Occurrence>,
    /// Nothing follows them.
    pub(crate) complete: bool,
    /// The rule in one sentence.
    pub(crate) explain: String,
}

/// Makes or changes a rule.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    how: &How,
    command: Command,
) -> Result<Done<Changed>, Failure> {
    let Done { reply, version, replayed } = app.tell(caller, how, command).await?;
    match reply {
        Reply::Series { series, skipped, next } => {
            Ok(Done { reply: Changed { series, skipped, next }, version, replayed })
        }
        other => Err(unexpected(&other)),
    }
}

/// One rule.
pub(crate) async fn get(
    app: &App,
    user: &UserId,
    series: Uuid,
    min_version: u64,
) -> Result<Answered<Arc<Series>>, Failure> {
    let Answered { answer, version } = app.ask(user, Query::Series { series }, min_version).await?;
    match answer {
        Answer::Series(series) => Ok(Answered { answer: series, version }),
        other => Err(unexpected(&other)),
    }
}

/// A page of rules, and the cursor of the next.
pub(crate) async fn list(
    app: &App,
    user: &UserId,
    query: Query,
    min_version: u64,
) -> Result<Answered<(Vec<Arc<Series>>, Option<String>)>, Failure> {
    let Answered { answer, version } = app.ask(user, query, min_version).await?;
    match answer {
        Answer::SeriesList { series, next } => Ok(Answered { answer: (series, next), version }),
        other => Err(unexpected(&other)),
    }
}

/// The next occurrences of a rule.
pub(crate) async fn preview(
    app: &App,
    user: &UserId,
    query: Query,
    min_version: u64,
) -> Result<Answered<Preview>, Failure> {
    let Answered { answer, version } = app.ask(user, query, min_version).await?;
    match answer {
        Answer::Preview { occurrences, complete, explain } => {
            Ok(Answered { answer: Preview { occurrences, complete, explain }, version })
        }
        other => Err(unexpected(&other)),
    }
}
