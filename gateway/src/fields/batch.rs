//! The operations of a batch: each read by itself, so that one that is wrong need not spoil the others.

use actors::message::{
    fault::Code,
    key::UserId,
    task::command::{Operation, Scope, TaskRef},
};
use serde_json::Value;

use super::{Object, Reader, Sent, Spelling, as_sent, task, value};
use crate::problem::Problem;

/// Most operations in one batch.
pub(crate) const OPERATIONS_MAX: usize = 100;

/// A batch as it was read.
#[derive(Debug)]
pub(crate) struct Batch {
    /// All or none.
    pub(crate) atomic: bool,
    /// Each operation, with its names as sent; or why it cannot be one.
    pub(crate) operations: Vec<Result<(Operation, Sent), Problem>>,
}

/// Reads a batch.
pub(crate) fn read(object: &Object, user: &UserId) -> Result<Batch, Problem> {
    let mut reader = Reader::new(object, user, Spelling::Strict)?;
    let atomic = reader.field(&["atomic"], |value| match value {
        Value::Null => Ok(false),
        value => value::boolean(value),
    });
    let items = reader.field(&["operations"], |value| {
        let items = value.as_array().ok_or((Code::Invalid, "The operations are a list.".into()))?;
        if (1..=OPERATIONS_MAX).contains(&items.len()) {
            return Ok(items);
        }
        Err((Code::OutOfRange, format!("A batch has 1 to {OPERATIONS_MAX} operations.")))
    });
    if items.is_none() && reader.faults.is_empty() {
        reader.required("operations");
    }
    reader.finish()?;
    let one = |(index, item): (usize, &Value)| {
        operation(item, user).map_err(|problem| problem.under(&format!("/operations/{index}")))
    };
    let operations = items.map(Vec::as_slice).unwrap_or_default().iter().enumerate().map(one);
    Ok(Batch { atomic: atomic.unwrap_or(false), operations: operations.collect() })
}

const NO_OP: &str = "The op is create, update, complete, reopen, delete, restore, skip or move.";
const OPS: &[&str] =
    &["create", "update", "complete", "reopen", "delete", "restore", "skip", "move"];

fn operation(item: &Value, user: &UserId) -> Result<(Operation, Sent), Problem> {
    let object = item
        .as_object()
        .ok_or_else(|| Problem::field("", Code::Invalid, "An operation is an object."))?;
    let mut reader = Reader::new(object, user, Spelling::Strict)?;
    let op = reader.field(&["op"], |value| Ok(value::text(value)?.to_ascii_lowercase()));
    if op.is_none() && reader.faults.is_empty() {
        reader.required("op");
    }
    let expect = reader.field(&["if_match"], if_match).flatten();
    let id = reader.take("id").map(|(_, value)| value).filter(|value| !value.is_null());
    let body = reader.take("body").map(|(_, value)| value).filter(|value| !value.is_null());
    let op = op.unwrap_or_default();
    if reader.faults.is_empty() && !OPS.contains(&op.as_str()) {
        reader.faults.push("/op".to_owned(), Code::Invalid, NO_OP);
    }
    if id.is_none() && op != "create" && reader.faults.is_empty() {
        reader.required("id");
    }
    reader.finish()?;
    let empty = Object::new();
    let body = match body {
        None => &empty,
        Some(body) => body
            .as_object()
            .ok_or_else(|| Problem::field("/body", Code::Invalid, "The body is an object."))?,
    };
    let found = || id.and_then(value::task_ref_value).ok_or_else(Problem::not_found);
    build(&op, found, body, user, expect)
}

fn build(
    op: &str,
    found: impl Fn() -> Result<TaskRef, Problem>,
    body: &Object,
    user: &UserId,
    expect: Option<u64>,
) -> Result<(Operation, Sent), Problem> {
    let scope = Scope::default();
    let inside = |problem: Problem| problem.under("/body");
    let operation = match op {
        "create" => {
            let fields = task::draft(body, user, Spelling::Strict).map_err(inside)?;
            let draft = Box::new(fields.patch);
            return Ok((Operation::Create { draft }, fields.sent));
        }
        "update" => {
            let task = found()?;
            let fields = task::patch(body, user, Spelling::Strict).map_err(inside)?;
            let patch = Box::new(fields.patch);
            return Ok((Operation::Edit { task, patch, scope, expect }, fields.sent));
        }
        "complete" => Operation::Complete { task: found()?, expect },
        "reopen" => Operation::Reopen { task: found()?, expect },
        "delete" => Operation::Delete { task: found()?, scope, expect },
        "restore" => Operation::Restore { task: found()?, expect },
        "skip" => Operation::Skip { task: found()?, expect },
        "move" => {
            let task = found()?;
            Operation::Move { task, place: task::place(body, user).map_err(inside)?, expect }
        }
        _ => return Err(Problem::field("/op", Code::Invalid, NO_OP)),
    };
    Ok((operation, Sent::new()))
}

/// What an actor refused of one operation, with pointers as sent.
pub(crate) fn refused(problem: Problem, index: usize, sent: &Sent) -> Problem {
    as_sent(problem, sent).under(&format!("/operations/{index}/body"))
}

/// A version as `if_match` gives it: `"v12"` with or without its quotes, the number alone, `*`, null.
fn if_match(value: &Value) -> Result<Option<u64>, super::Unread> {
    if value::is_nothing(value) || value.as_str() == Some("*") {
        return Ok(None);
    }
    let text = value.as_str().map(|text| text.trim().trim_start_matches("W/").trim_matches('"'));
    let number = text.and_then(|text| text.strip_prefix('v').unwrap_or(text).parse().ok());
    let version = value.as_u64().or(number);
    version.map(Some).ok_or((Code::Invalid, "This must be an ETag such as \"v12\".".to_owned()))
}
