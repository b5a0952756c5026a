//! The spellings that clients of this family of systems use: one table, translated here and nowhere else.
//!
//! A row names a call of another tree and the call of the canon that it becomes. How parameters and bodies are read is in [`asked`], how answers are written in [`said`]; the lists that
//! page and count differently are in [`lists`].

mod asked;
mod lists;
mod said;
mod streams;

use std::sync::Arc;

use axum::http::Method;

use self::{asked::Body, lists::Envelope, said::Shape};
use super::{Ask, Handler, Outcome, Route};
use crate::{
    fields::{as_sent, value},
    problem::{Problem, Slug, Wrong},
    tasks,
};
pub(super) use said::plus_tool_names;

/// What the other system calls its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tree {
    /// `/tasks…`, of the systems 000 and 002.
    Root,
    /// `/api/tasks…`, of the system 001.
    Api,
    /// `/api/{user_id}/…`, of the system 003.
    User,
}

/// What does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// The call of the canon, on a translated request.
    Canon,
    /// The list of tasks, in an envelope of its own.
    List(Envelope),
    /// The canon's list of reminders, of the task in the path.
    OfTask,
    /// The call of the canon on a reminder, which must be one of the task in the path.
    OnReminderOfTask,
}

/// One row of the table.
struct Row {
    tree: Tree,
    method: Method,
    template: &'static str,
    /// Method and template of the canon.
    canon: (Method, &'static str),
    work: Work,
    body: Body,
    shape: Shape,
}

/// First path parts after `/api/` that are nobody's id.
const RESERVED: &[&str] = &["v1", "tasks", "events", "chat", "sse"];

/// Whether a path that matches the template of one user's tree is none of it.
pub(super) fn is_reserved(template: &str, path: &str) -> bool {
    template.starts_with("/api/{user_id}")
        && path.strip_prefix("/api/").is_some_and(|rest| {
            let first = rest.split('/').next().unwrap_or_default();
            RESERVED.contains(&first)
        })
}

fn row(
    (tree, work): (Tree, Work),
    (method, template): (Method, &'static str),
    canon: (Method, &'static str),
    body: Body,
    shape: Shape,
) -> Row {
    Row { tree, method, template, canon, work, body, shape }
}

/// Every row.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "one table")]
fn rows() -> Vec<Row> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    const ROOT: (Tree, Work) = (Tree::Root, Work::Canon);
    const API: (Tree, Work) = (Tree::Api, Work::Canon);
    const USER: (Tree, Work) = (Tree::User, Work::Canon);
    use Body as B;
    use Shape as S;
    vec![
        // 000, 002
        row((Tree::Root, Work::List(Envelope::Pages)), (GET, "/tasks"), (GET, "/api/v1/tasks"), B::None, S::Same),
        row(ROOT, (POST,   "/tasks"),                         (POST,   "/api/v1/tasks"),                         B::NewTask,    S::Task),
        row(ROOT, (GET,    "/tasks/{id}"),                    (GET,    "/api/v1/tasks/{id}"),                    B::None,       S::Task),
        row(ROOT, (PUT,    "/tasks/{id}"),                    (PUT,    "/api/v1/tasks/{id}"),                    B::Task,       S::Task),
        row(ROOT, (PATCH,  "/tasks/{id}"),                    (PATCH,  "/api/v1/tasks/{id}"),                    B::Task,       S::Task),
        row(ROOT, (DELETE, "/tasks/{id}"),                    (DELETE, "/api/v1/tasks/{id}"),                    B::None,       S::Same),
        row(ROOT, (POST,   "/tasks/{id}/complete"),           (POST,   "/api/v1/tasks/{id}/complete"),           B::None,       S::Task),
        row((Tree::Root, Work::OfTask), (GET, "/tasks/{id}/reminders"), (GET, "/api/v1/reminders"),              B::None,       S::BareReminders),
        row(ROOT, (POST,   "/tasks/{id}/reminders"),          (POST,   "/api/v1/reminders"),                     B::TaskReminder, S::Reminder),
        row(ROOT, (GET,    "/reminders"),                     (GET,    "/api/v1/reminders"),                     B::None,       S::Reminders),
        row(ROOT, (POST,   "/reminders"),                     (POST,   "/api/v1/reminders"),                     B::Reminder,   S::Reminder),
        row(ROOT, (GET,    "/reminders/{id}"),                (GET,    "/api/v1/reminders/{id}"),                B::None,       S::Reminder),
        row(ROOT, (PUT,    "/reminders/{id}"),                (PUT,    "/api/v1/reminders/{id}"),                B::Reminder,   S::Reminder),
        row(ROOT, (PATCH,  "/reminders/{id}"),                (PATCH,  "/api/v1/reminders/{id}"),                B::Reminder,   S::Reminder),
        row(ROOT, (DELETE, "/reminders/{id}"),                (DELETE, "/api/v1/reminders/{id}"),                B::None,       S::Nothing),
        row(ROOT, (POST,   "/reminders/{id}/snooze"),         (POST,   "/api/v1/reminders/{id}/snooze"),         B::Snooze,     S::Reminder),
        row(ROOT, (POST,   "/reminders/{id}/acknowledge"),    (POST,   "/api/v1/reminders/{id}/acknowledge"),    B::None,       S::Reminder),
        row(ROOT, (POST,   "/tasks/{id}/recurring"),          (POST,   "/api/v1/tasks/{id}/recurrence"),         B::Recurring,  S::Task),
        row(ROOT, (DELETE, "/tasks/{id}/recurring"),          (DELETE, "/api/v1/tasks/{id}/recurrence"),         B::None,       S::Same),
        row(ROOT, (GET,    "/tags"),                          (GET,    "/api/v1/tags"),                          B::None,       S::Same),
        row(ROOT, (POST,   "/tags"),                          (POST,   "/api/v1/tags"),                          B::Tag,        S::Same),
        row(ROOT, (DELETE, "/tags/{name}"),                   (DELETE, "/api/v1/tags/{name}"),                   B::None,       S::Same),
        row(ROOT, (GET,    "/webhooks"),                      (GET,    "/api/v1/webhooks"),                      B::None,       S::Same),
        row(ROOT, (POST,   "/webhooks"),                      (POST,   "/api/v1/webhooks"),                      B::Webhook,    S::Same),

        // 003
        row((Tree::User, Work::List(Envelope::Counts)), (GET, "/api/{user_id}/tasks"), (GET, "/api/v1/tasks"),   B::None,       S::Same),
        row(USER, (POST,   "/api/{user_id}/tasks"),                (POST,   "/api/v1/tasks"),                    B::Task,       S::Task),
        row(USER, (GET,    "/api/{user_id}/tasks/{id}"),           (GET,    "/api/v1/tasks/{id}"),               B::None,       S::Task),
        row(USER, (PUT,    "/api/{user_id}/tasks/{id}"),           (PUT,    "/api/v1/tasks/{id}"),               B::Task,       S::Task),
        row(USER, (PATCH,  "/api/{user_id}/tasks/{id}"),           (PATCH,  "/api/v1/tasks/{id}"),               B::Task,       S::Task),
        row(USER, (DELETE, "/api/{user_id}/tasks/{id}"),           (DELETE, "/api/v1/tasks/{id}"),               B::None,       S::Same),
        row(USER, (PATCH,  "/api/{user_id}/tasks/{id}/complete"),  (PATCH,  "/api/v1/tasks/{id}/complete"),      B::Completed,  S::Task),
        row(USER, (POST,   "/api/{user_id}/tasks/{id}/complete"),  (POST,   "/api/v1/tasks/{id}/complete"),      B::None,       S::Task),
        row(USER, (POST,   "/api/{user_id}/tasks/{id}/recurrence/cancel"), (POST, "/api/v1/tasks/{id}/recurrence/cancel"), B::None, S::Task),
        row((Tree::User, Work::OfTask), (GET, "/api/{user_id}/tasks/{id}/reminders"), (GET, "/api/v1/reminders"), B::None,      S::CountedReminders),
        row(USER, (POST,   "/api/{user_id}/tasks/{id}/reminders"), (POST,   "/api/v1/reminders"),                B::TaskReminder, S::Same),
        row((Tree::User, Work::OnReminderOfTask), (DELETE, "/api/{user_id}/tasks/{id}/reminders/{rid}"), (DELETE, "/api/v1/reminders/{id}"), B::None, S::Nothing),
        row(USER, (GET,    "/api/{user_id}/audit"),                (GET,    "/api/v1/audit"),                    B::None,       S::Same),
        row(USER, (GET,    "/api/{user_id}/notifications"),        (GET,    "/api/v1/notifications"),            B::None,       S::Same),
        row(USER, (PATCH,  "/api/{user_id}/notifications/{id}/read"),  (POST, "/api/v1/notifications/{id}/read"),  B::None,     S::Same),
        row(USER, (PATCH,  "/api/{user_id}/notifications/read-all"),   (POST, "/api/v1/notifications/read-all"),   B::None,     S::Same),
        row(USER, (POST,   "/api/{user_id}/chat"),                 (POST,   "/api/v1/chat"),                     B::Chat,       S::Chat),
        row(USER, (GET,    "/api/{user_id}/conversations"),        (GET,    "/api/v1/chat/conversations"),       B::None,       S::Same),
        row(USER, (GET,    "/api/{user_id}/conversations/{id}"),   (GET,    "/api/v1/chat/conversations/{id}"),  B::None,       S::Chat),
        row(USER, (POST,   "/api/v1/chat/{user_id}"),              (POST,   "/api/v1/chat"),                     B::Chat,       S::Chat),
        row(USER, (POST,   "/api/chat"),                           (POST,   "/api/v1/chat"),                     B::Chat,       S::Chat),
        row(USER, (GET,    "/api/chat/conversations"),             (GET,    "/api/v1/chat/conversations"),       B::None,       S::Same),
        row(USER, (GET,    "/api/chat/conversations/{id}"),        (GET,    "/api/v1/chat/conversations/{id}"),  B::None,       S::Chat),

        // 001
        row(API, (GET,    "/api/tasks"),                       (GET,    "/api/v1/tasks"),                        B::None,       S::Same),
        row(API, (POST,   "/api/tasks"),                       (POST,   "/api/v1/tasks"),                        B::Task,       S::Same),
        row(API, (POST,   "/api/tasks/batch"),                 (POST,   "/api/v1/tasks/batch"),                  B::Batch,      S::Same),
        row(API, (GET,    "/api/tasks/{id}"),                  (GET,    "/api/v1/tasks/{id}"),                   B::None,       S::Same),
        row(API, (PUT,    "/api/tasks/{id}"),                  (PUT,    "/api/v1/tasks/{id}"),                   B::Task,       S::Same),
        row(API, (PATCH,  "/api/tasks/{id}"),                  (PATCH,  "/api/v1/tasks/{id}"),                   B::Task,       S::Same),
        row(API, (DELETE, "/api/tasks/{id}"),                  (DELETE, "/api/v1/tasks/{id}"),                   B::None,       S::Same),
        row(API, (POST,   "/api/tasks/{id}/complete"),         (POST,   "/api/v1/tasks/{id}/complete"),          B::None,       S::Same),
        row(API, (PATCH,  "/api/tasks/{id}/complete"),         (PATCH,  "/api/v1/tasks/{id}/complete"),          B::Completed,  S::Same),
        row(API, (POST,   "/api/tasks/{id}/reopen"),           (POST,   "/api/v1/tasks/{id}/reopen"),            B::None,       S::Same),
        row(API, (POST,   "/api/tasks/{id}/restore"),          (POST,   "/api/v1/tasks/{id}/restore"),           B::None,       S::Same),
        row(API, (POST,   "/api/tasks/{id}/skip"),             (POST,   "/api/v1/tasks/{id}/skip"),              B::None,       S::Same),
        row(API, (POST,   "/api/tasks/{id}/move"),             (POST,   "/api/v1/tasks/{id}/move"),              B::Place,      S::Same),
        row(API, (PUT,    "/api/tasks/{id}/tags/{name}"),      (PUT,    "/api/v1/tasks/{id}/tags/{name}"),       B::None,       S::Same),
        row(API, (DELETE, "/api/tasks/{id}/tags/{name}"),      (DELETE, "/api/v1/tasks/{id}/tags/{name}"),       B::None,       S::Same),
        row(API, (GET,    "/api/tasks/{id}/history"),          (GET,    "/api/v1/tasks/{id}/history"),           B::None,       S::Same),
        row(API, (PUT,    "/api/tasks/{id}/recurrence"),       (PUT,    "/api/v1/tasks/{id}/recurrence"),        B::Rule,       S::Same),
        row(API, (POST,   "/api/tasks/{id}/recurrence"),       (POST,   "/api/v1/tasks/{id}/recurrence"),        B::Rule,       S::Same),
        row(API, (DELETE, "/api/tasks/{id}/recurrence"),       (DELETE, "/api/v1/tasks/{id}/recurrence"),       B::None,       S::Same),
        row(API, (POST,   "/api/tasks/{id}/recurrence/cancel"), (POST,  "/api/v1/tasks/{id}/recurrence/cancel"), B::None,       S::Same),
    ]
}

/// The routes of all rows.
pub(super) fn routes(canon: &[Route]) -> Vec<Route> {
    let route = |row: Row| {
        let (method, template) = &row.canon;
        let becomes =
            canon.iter().find(|one| one.method == *method && one.template == *template)?;
        let (method, template) = (row.method.clone(), row.template);
        let (handler, row) = (becomes.handler.clone(), Arc::new(row));
        let handler: Handler =
            Arc::new(move |ask| Box::pin(answer(row.clone(), handler.clone(), ask)));
        let Route { access, body_max, within_ms, .. } = *becomes;
        Some(Route { method, template, access, body_max, within_ms, handler })
    };
    rows().into_iter().filter_map(route).chain(streams::routes()).collect()
}

/// Whether a token may stand in the query: on the streams of other trees alone, whose clients know no other way.
pub(super) fn takes_query_token(template: &str) -> bool {
    streams::TEMPLATES.contains(&template)
}

/// The call of the canon that a call of another tree becomes.
pub(super) fn becomes(method: &Method, template: &str) -> Option<(Method, &'static str)> {
    if streams::TEMPLATES.contains(&template) {
        let socket = template.starts_with("/ws");
        return Some((Method::GET, if socket { "/ws" } else { "/api/v1/live" }));
    }
    let row = rows().into_iter().find(|row| row.method == *method && row.template == template);
    row.map(|row| row.canon)
}

/// The status that a call of another tree answers where the canon answers `canon`.
pub(super) fn status<'a>(method: &Method, template: &str, canon: &'a str) -> &'a str {
    let row = rows().into_iter().find(|row| row.method == *method && row.template == template);
    if row.is_some_and(|row| row.shape == Shape::Nothing) { "204" } else { canon }
}

/// The names of the parameters that a call of another tree takes, where the canon takes `ours`.
pub(super) fn params(method: &Method, template: &str, ours: &[&'static str]) -> Vec<&'static str> {
    if takes_query_token(template) {
        return [ours, &["token"]].concat();
    }
    let row = rows().into_iter().find(|row| row.method == *method && row.template == template);
    row.map(|row| asked::taken(&row, ours)).unwrap_or_default()
}

/// The user that a path names must be the caller.
fn same_user(ask: &Ask) -> Result<(), Problem> {
    let named = ask.path.iter().find(|(name, _)| name == "user_id");
    if named.is_some_and(|(_, user)| user != ask.user().as_str()) {
        let why = "The user in the path is not you; you are known by your credential.";
        return Err(Problem::new(Slug::WrongUser, why));
    }
    Ok(())
}

/// Answers one request of a row.
async fn answer(row: Arc<Row>, canon: Handler, mut ask: Ask) -> Outcome {
    same_user(&ask)?;
    let notes = asked::translate(&row, &mut ask).await?;
    let (app, caller) = (ask.app.clone(), ask.caller().clone());
    let outcome = match row.work {
        Work::List(envelope) => lists::list(&ask, envelope).await,
        Work::Canon => canon(ask).await,
        Work::OfTask => of_task(ask, &canon).await,
        Work::OnReminderOfTask => on_reminder(ask, &canon).await,
    };
    match outcome {
        Ok(answer) => {
            let answer = said::shaped(&row, answer, &app, &caller.user).await?;
            Ok(notes.tell(answer))
        }
        Err(problem) => Err(as_asked(as_sent(problem, &notes.fields), &notes.params)),
    }
}

/// The reminders of the task in the path, which must be there.
async fn of_task(mut ask: Ask, canon: &Handler) -> Outcome {
    let task = ask.task()?;
    let found = tasks::get(&ask.app, ask.user(), task, 0).await;
    let id = found.map_err(|failure| Problem::failed(failure, ask.user()))?.answer.id;
    if let Some(spelled) = &mut ask.spelled {
        spelled.params.retain(|(name, _)| name != "task_id" && name != "limit");
        spelled.params.push(("task_id".to_owned(), id.to_string()));
        spelled.params.push(("limit".to_owned(), crate::reminders::PAGE_MAX.to_string()));
    }
    canon(ask).await
}

/// A call on a reminder that is one of the task in the path, or not found.
async fn on_reminder(mut ask: Ask, canon: &Handler) -> Outcome {
    let task = ask.task()?;
    let reminder = value::id(ask.segment("rid")).ok_or_else(Problem::not_found)?;
    let failed = |failure| Problem::failed(failure, ask.user());
    let task = tasks::get(&ask.app, ask.user(), task, 0).await.map_err(failed)?.answer;
    let found = crate::reminders::get(&ask.app, ask.user(), reminder, 0).await.map_err(failed)?;
    if found.answer.task_id != task.id {
        return Err(Problem::not_found());
    }
    ask.path = vec![("id".to_owned(), reminder.to_string())];
    canon(ask).await
}

/// The same problem with parameters named as they were asked for.
fn as_asked(mut problem: Problem, params: &[(String, String)]) -> Problem {
    for wrong in &mut problem.wrong {
        let Wrong::Parameter { name, .. } = wrong else { continue };
        if let Some((_, theirs)) = params.iter().find(|(ours, _)| ours == name) {
            name.clone_from(theirs);
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_becomes_a_call_of_the_canon() {
        let canon = super::super::table();
        let served = routes(&canon);
        for row in rows() {
            let (method, template) = &row.canon;
            let there = canon.iter().any(|one| one.method == *method && one.template == *template);
            assert!(there, "{method} {template}");
            let is = served.iter().any(|r| r.method == row.method && r.template == row.template);
            assert!(is, "{} {}", row.method, row.template);
        }
    }

    #[test]
    fn words_of_ours_are_nobodys_id() {
        assert!(is_reserved("/api/{user_id}/tasks", "/api/v1/tasks"));
        assert!(is_reserved("/api/{user_id}/audit", "/api/events/audit"));
        assert!(!is_reserved("/api/{user_id}/tasks", "/api/v10/tasks"));
        assert!(!is_reserved("/api/v1/chat/{user_id}", "/api/v1/chat/tasks"));
    }
}
