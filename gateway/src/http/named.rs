//! The object that a path names: judged before everything else of a request, and the versions that are asked of it.

use actors::message::task::command::TaskRef;
use uuid::Uuid;

use super::{Ask, ask::IfMatch};
use crate::{app::How, problem::Problem, recurrences, reminders, tasks};

/// An object, by what can be its id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    /// A task that is not deleted.
    Task(TaskRef),
    /// A task, deleted or not.
    AnyTask(TaskRef),
    /// A reminder.
    Reminder(Uuid),
    /// A rule.
    Series(Uuid),
}

impl Named {
    /// What was read of a request for this object. Where it was read wrongly, an object that is not there is the problem.
    pub(super) async fn judged<T>(self, ask: &Ask, read: Result<T, Problem>) -> Result<T, Problem> {
        let Err(problem) = read else { return read };
        self.version(ask).await?;
        Err(problem)
    }

    /// The one version that If-Match asks for: where it names several, the current one if it is among them.
    pub(super) async fn expected(
        self,
        ask: &Ask,
        if_match: IfMatch,
    ) -> Result<Option<u64>, Problem> {
        match if_match {
            IfMatch::Any => Ok(None),
            IfMatch::Versions(versions) => match versions[..] {
                [version] => Ok(Some(version)),
                _ => {
                    let current = self.version(ask).await?;
                    Ok(Some(if versions.contains(&current) { current } else { 0 }))
                }
            },
        }
    }

    /// The version it has; not found where it is not there.
    async fn version(self, ask: &Ask) -> Result<u64, Problem> {
        let (app, user) = (&ask.app, ask.user());
        let version = match self {
            Self::Task(task) => tasks::get(app, user, task, 0).await.map(|it| it.answer.version),
            Self::AnyTask(task) => tasks::any(app, user, task).await.map(|task| task.version),
            Self::Reminder(id) => {
                reminders::get(app, user, id, 0).await.map(|it| it.answer.version)
            }
            Self::Series(id) => {
                recurrences::get(app, user, id, 0).await.map(|it| it.answer.version)
            }
        };
        version.map_err(failed(ask))
    }
}

/// What every call without parameters and without a body is read for.
pub(super) fn plain(ask: &Ask) -> Result<(How, IfMatch), Problem> {
    ask.no_body()?;
    conditions(ask)
}

/// No parameters and no body, where keys and versions are not asked for.
pub(super) fn bare(ask: &Ask) -> Result<(), Problem> {
    ask.no_params()?;
    ask.no_body()
}

/// The key and the versions of a call without parameters.
pub(super) fn conditions(ask: &Ask) -> Result<(How, IfMatch), Problem> {
    ask.no_params()?;
    Ok((ask.how()?, ask.if_match()?))
}

/// A failure as a problem of the caller.
pub(super) fn failed(ask: &Ask) -> impl Fn(actors::Failure) -> Problem + '_ {
    |failure| Problem::failed(failure, ask.user())
}
