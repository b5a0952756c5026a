//! `POST /api/v1/tasks/batch`: several operations in one turn.

use std::sync::Arc;

use actors::{
    Failure,
    message::{
        key::UserId,
        rejection::{Rejection, Slug as Refused},
        task::{
            Task,
            command::{self, Operation, Reply},
            shown::shown,
        },
    },
};
use axum::http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::json;

use super::{Ask, Outcome, answer};
use crate::{
    fields::{Sent, batch},
    problem::{Problem, Slug},
    tasks,
};

/// What became of one operation.
enum Became {
    Task { status: u16, task: Arc<Task>, next: Option<Arc<Task>> },
    Gone,
    Problem(Problem),
}

/// One line of `results`.
struct Line<'a> {
    index: usize,
    became: &'a Became,
    user: &'a UserId,
    instance: &'a str,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        match self.became {
            Became::Gone => map.serialize_entry("status", &204)?,
            Became::Task { status, task, next } => {
                map.serialize_entry("status", status)?;
                map.serialize_entry("task", &shown(task, self.user))?;
                if let Some(next) = next {
                    map.serialize_entry("next", &shown(next, self.user))?;
                }
            }
            Became::Problem(problem) => {
                map.serialize_entry("status", &problem.slug.status().as_u16())?;
                map.serialize_entry("problem", &problem.document(self.instance))?;
            }
        }
        map.end()
    }
}

/// `POST /api/v1/tasks/batch`
pub(super) async fn run(ask: Ask) -> Outcome {
    ask.no_params()?;
    let how = ask.how()?;
    let batch = batch::read(&ask.object()?, ask.user())?;
    let mut results: Vec<Option<Became>> = Vec::with_capacity(batch.operations.len());
    let mut operations = Vec::new();
    let mut read = Vec::new();
    for (index, operation) in batch.operations.into_iter().enumerate() {
        match operation {
            Ok((operation, sent)) => {
                read.push((index, is_delete(&operation), sent));
                operations.push(operation);
                results.push(None);
            }
            Err(problem) => results.push(Some(Became::Problem(problem))),
        }
    }
    let spoiled = batch.atomic && results.iter().any(Option::is_some);
    if spoiled || operations.is_empty() {
        // Nothing was asked of the list, and nothing changed.
        let refused = batch.atomic;
        return finish(&ask, results, refused, None);
    }
    let done = tasks::batch(&ask.app, ask.caller(), &how, batch.atomic, operations).await;
    match done {
        Ok(done) => {
            for ((index, delete, sent), outcome) in read.iter().zip(done.reply) {
                results[*index] = Some(became(&ask, *index, *delete, sent, outcome));
            }
            finish(&ask, results, false, Some((done.version, done.replayed)))
        }
        Err(Failure::Rejected(rejection)) if rejection.slug == Refused::BatchRejected => {
            for ((index, delete, sent), outcome) in read.iter().zip(rejection.results) {
                results[*index] =
                    outcome.is_err().then(|| became(&ask, *index, *delete, sent, outcome));
            }
            finish(&ask, results, true, None)
        }
        Err(failure) => Err(Problem::failed(failure, ask.user())),
    }
}

fn is_delete(operation: &Operation) -> bool {
    matches!(operation, Operation::Delete { .. })
}

fn became(
    ask: &Ask,
    index: usize,
    delete: bool,
    sent: &Sent,
    outcome: Result<Reply, Rejection>,
) -> Became {
    match outcome {
        Ok(Reply::Task(_)) if delete => Became::Gone,
        Ok(Reply::Task(command::Done { task, next, created, .. })) => {
            Became::Task { status: if created { 201 } else { 200 }, task, next }
        }
        Ok(other) => {
            tracing::error!("{}", tasks::unexpected(&other));
            Became::Problem(Problem::internal())
        }
        Err(rejection) => {
            let problem = Problem::rejected(rejection, ask.user());
            Became::Problem(batch::refused(problem, index, sent))
        }
    }
}

/// The answer. Where an atomic batch was refused, what would have succeeded says that it was not done.
fn finish(
    ask: &Ask,
    results: Vec<Option<Became>>,
    refused: bool,
    done: Option<(u64, bool)>,
) -> Outcome {
    let not_done = || {
        let why = "This was not done, because another operation of the batch was refused.";
        Became::Problem(Problem::new(Slug::BatchRejected, why))
    };
    let results: Vec<Became> =
        results.into_iter().map(|became| became.unwrap_or_else(not_done)).collect();
    let (user, instance) = (ask.user(), ask.parts.uri.path());
    let lines: Vec<Line<'_>> = results
        .iter()
        .enumerate()
        .map(|(index, became)| Line { index, became, user, instance })
        .collect();
    if refused {
        let why = "An operation was refused, so none was done; results says which and why.";
        let mut problem = Problem::new(Slug::BatchRejected, why);
        problem.members.push(("results", json!(lines)));
        return Err(problem);
    }
    let mut answer = answer::json(StatusCode::OK, &Results { results: lines });
    if let Some((version, replayed)) = done {
        answer = answer::replayed(answer::at_version(answer, version), replayed);
    }
    Ok(answer)
}

#[derive(Serialize)]
struct Results<'a> {
    results: Vec<Line<'a>>,
}
