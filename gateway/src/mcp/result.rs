//! What a call answers: a line to read out for every task or reminder, and the same as data.

use std::sync::Arc;

use actors::{
    Failure,
    message::{key::UserId, task::Task},
};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};

use super::{lines, scene::Scene};
use crate::{
    fields::Object,
    problem::{Problem, Slug, Wrong},
};

/// Why something was not done, as a chatbot can say it.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
    candidates: Vec<Arc<Task>>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), candidates: Vec::new() }
    }

    /// An argument is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Slug::Invalid.code(), message)
    }

    /// Several tasks are meant.
    pub(super) fn ambiguous(text: &str, candidates: Vec<Arc<Task>>) -> Self {
        let text = crate::fields::value::quoted(text);
        let message = format!("Several tasks are called {text}; say which by its number.");
        Self { code: "ambiguous", message, candidates }
    }

    /// What an actor refused or could not do.
    pub(super) fn failed(failure: Failure, user: &UserId) -> Self {
        Problem::failed(failure, user).into()
    }

    /// There is no such task.
    pub(super) fn is_absence(&self) -> bool {
        self.code == Slug::NotFound.code()
    }

    /// The refusal as data, and as a line.
    pub(super) fn shown(&self, index: usize) -> (Value, String) {
        let mut shown = json!({"index": index, "code": self.code, "message": self.message});
        let mut line = format!("Not done: {}", self.message);
        if !self.candidates.is_empty() {
            let candidates = self.candidates.iter().map(|task| {
                json!({
                    "task_id": task.id, "number": task.number, "title": task.title,
                    "due_date": task.due.map(|due| due.to_string()),
                })
            });
            shown["candidates"] = candidates.collect();
            let named: Vec<String> = self.candidates.iter().map(|task| lines::name(task)).collect();
            line = format!("{line} {}", named.join("; "));
        }
        (shown, line)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let field = problem.wrong.first().map(|wrong| match wrong {
            Wrong::Field(fault) => fault.pointer.trim_start_matches('/').to_owned(),
            Wrong::Parameter { name, .. } => name.clone(),
        });
        let message = match field.filter(|field| !field.is_empty()) {
            Some(field) if !problem.detail.starts_with(&*field) => {
                format!("{field}: {}", problem.detail)
            }
            _ => problem.detail.into_owned(),
        };
        Self::new(problem.slug.code(), message)
    }
}

/// One task or reminder that was done or found: as data, and as a line.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) shown: Value,
    pub(super) line: String,
}

/// What became of a call.
#[derive(Debug)]
pub(super) struct Outcome {
    member: &'static str,
    results: Vec<Result<Item, Refusal>>,
    /// Of a list: what stands beside its items.
    list: Option<Object>,
    /// What is said where there is no item; that there are none such, otherwise.
    nothing: Option<&'static str>,
}

impl Outcome {
    /// What became of each item, `tasks` or `reminders`.
    pub(super) fn of(member: &'static str, results: Vec<Result<Item, Refusal>>) -> Self {
        Self { member, results, list: None, nothing: None }
    }

    /// A page of a list.
    pub(super) fn list(member: &'static str, items: Vec<Item>, beside: Object) -> Self {
        let results = items.into_iter().map(Ok).collect();
        Self { member, results, list: Some(beside), nothing: None }
    }

    /// Says this where there is no item.
    pub(super) fn or_say(self, nothing: &'static str) -> Self {
        Self { nothing: Some(nothing), ..self }
    }

    /// The data alone.
    pub(super) fn structured(&self, scene: &Scene<'_>) -> Value {
        let mut whole = Map::new();
        let shown = |result: &Result<Item, Refusal>| result.as_ref().ok().map(|i| i.shown.clone());
        let items: Vec<Value> = self.results.iter().filter_map(shown).collect();
        if !items.is_empty() || self.list.is_some() {
            whole.insert(self.member.to_owned(), Value::Array(items));
        }
        for (name, value) in self.list.iter().flatten().filter(|(_, value)| !value.is_null()) {
            whole.insert(name.clone(), value.clone());
        }
        let failed = self.results.iter().enumerate();
        let failed = failed.filter_map(|(index, result)| Some(result.as_ref().err()?.shown(index)));
        let failures: Vec<Value> = failed.map(|(shown, _)| shown).collect();
        if !failures.is_empty() {
            whole.insert("failures".to_owned(), Value::Array(failures));
        }
        whole.insert("now".to_owned(), json!(scene.now.to_string()));
        whole.insert("zone".to_owned(), json!(scene.zone.name()));
        Value::Object(whole)
    }

    fn lines(&self) -> String {
        let line = |(index, result): (usize, &Result<Item, Refusal>)| match result {
            Ok(item) => item.line.clone(),
            Err(refusal) => refusal.shown(index).1,
        };
        let mut lines: Vec<String> = self.results.iter().enumerate().map(line).collect();
        if lines.is_empty() {
            let none_such = || format!("There are no such {}.", self.member);
            lines.push(self.nothing.map_or_else(none_such, str::to_owned));
        }
        if let Some(list) = &self.list
            && list.get("next_cursor").is_some_and(Value::is_string)
        {
            lines.push("There are more.".to_owned());
        }
        lines.join("\n")
    }

    /// The result; an error where nothing at all was done.
    pub(super) fn result(&self, scene: &Scene<'_>) -> CallToolResult {
        let failed = !self.results.is_empty() && self.results.iter().all(Result::is_err);
        result(self.lines(), self.structured(scene), failed)
    }
}

/// A call that was refused as a whole.
pub(super) fn refused(refusal: &Refusal, scene: Option<&Scene<'_>>) -> CallToolResult {
    let (shown, line) = refusal.shown(0);
    let mut whole = json!({"failures": [shown]});
    if let Some(scene) = scene {
        whole["now"] = json!(scene.now.to_string());
        whole["zone"] = json!(scene.zone.name());
    }
    result(line, whole, true)
}

fn result(lines: String, structured: Value, failed: bool) -> CallToolResult {
    let content = vec![ContentBlock::text(lines)];
    let mut result =
        if failed { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = Some(structured);
    result
}
